// Whose each I/O port is. Ranges that stay come first; those that the guest moves share what is left, by their number,
// so that whoever leaves a port uncovers the next that is there too. Pure.
#pragma once
#include <stdint.h>

#define PORT_MAP_NONE    0u
#define PORT_MAP_MOVABLE 2u // ranges 1 .. PORT_MAP_MOVABLE are the guest's to move

struct port_map {
    uint8_t range_at[0x10000]; // number of the range, PORT_MAP_NONE: nobody's
    struct {
        uint16_t first, count; // first = 0: it is nowhere
    } movable[PORT_MAP_MOVABLE + 1];
};

// A range that stays: takes the ports that are nobody's.
void port_map_fix(struct port_map *map, uint8_t range, uint16_t first, uint16_t count);

// Moves a movable range; to 0: nowhere.
void port_map_move(struct port_map *map, uint8_t range, uint16_t first, uint16_t count);
