// The index of I/O ports, see port_map.h.
#include "dom0/vmm/port_map.h"

#define PORTS sizeof(((struct port_map *)0)->range_at)

static void replace(struct port_map *map, uint8_t from, uint8_t to, uint32_t first, uint32_t count) {
    for (uint32_t port = first; port < first + count && port < PORTS; port++)
        if (map->range_at[port] == from)
            map->range_at[port] = to;
}

void port_map_fix(struct port_map *map, uint8_t range, uint16_t first, uint16_t count) {
    replace(map, PORT_MAP_NONE, range, first, count);
}

void port_map_move(struct port_map *map, uint8_t range, uint16_t first, uint16_t count) {
    if (map->movable[range].first == first)
        return;
    for (uint8_t i = 1; i <= PORT_MAP_MOVABLE; i++)
        replace(map, i, PORT_MAP_NONE, map->movable[i].first, map->movable[i].count);
    map->movable[range].first = first;
    map->movable[range].count = first ? count : 0;
    for (uint8_t i = 1; i <= PORT_MAP_MOVABLE; i++)
        replace(map, PORT_MAP_NONE, i, map->movable[i].first, map->movable[i].count);
}
