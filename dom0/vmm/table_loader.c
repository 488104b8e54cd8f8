// Writing and executing the table loader's script.
#include "dom0/vmm/table_loader.h"
#include "dom0/vmm/table_writer.h"
#include "lib/string.h"

enum command { COMMAND_ALLOCATE = 1, COMMAND_POINTER = 2, COMMAND_CHECKSUM = 3 };

static struct loader_command *add(struct table_loader *loader, enum command command) {
    static struct loader_command overflow; // is written only, so that callers need not ask
    bool full = loader->count == LOADER_COMMANDS_MAX;
    loader->full |= full;
    struct loader_command *to = full ? &overflow : &loader->commands[loader->count++];
    memset(to, 0, sizeof *to);
    to->command = command;
    return to;
}

static void set_name(char to[LOADER_NAME_BYTES], const char *name) {
    size_t length = strlen(name);
    memcpy(to, name, length < LOADER_NAME_BYTES ? length : LOADER_NAME_BYTES - 1);
}

void loader_allocate(struct table_loader *loader, const char *file, uint32_t align, enum loader_zone zone) {
    struct loader_command *command = add(loader, COMMAND_ALLOCATE);
    set_name(command->allocate.file, file);
    command->allocate.align = align;
    command->allocate.zone = (uint8_t)zone;
}

void loader_pointer(struct table_loader *loader, const char *file, uint32_t offset, uint8_t bytes, const char *target) {
    struct loader_command *command = add(loader, COMMAND_POINTER);
    set_name(command->pointer.file, file);
    set_name(command->pointer.target, target);
    command->pointer.offset = offset;
    command->pointer.bytes = bytes;
}

void loader_checksum(struct table_loader *loader, const char *file, uint32_t offset, uint32_t start, uint32_t length) {
    struct loader_command *command = add(loader, COMMAND_CHECKSUM);
    set_name(command->checksum.file, file);
    command->checksum.offset = offset;
    command->checksum.start = start;
    command->checksum.length = length;
}

static const struct loader_file *find(const struct loader_file *files, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strncmp(files[i].name, name, LOADER_NAME_BYTES) == 0)
            return &files[i];
    return NULL;
}

static bool run_pointer(const struct loader_command *command, const struct loader_file *files, size_t count) {
    const struct loader_file *file = find(files, count, command->pointer.file);
    const struct loader_file *target = find(files, count, command->pointer.target);
    uint32_t offset = command->pointer.offset;
    unsigned bytes = command->pointer.bytes;
    if (!file || !target || bytes > 8 || bytes > file->size || offset > file->size - bytes)
        return false;
    uint64_t value = 0;
    memcpy(&value, file->bytes + offset, bytes);
    value += target->gpa;
    memcpy(file->bytes + offset, &value, bytes);
    return true;
}

static bool run_checksum(const struct loader_command *command, const struct loader_file *files, size_t count) {
    const struct loader_file *file = find(files, count, command->checksum.file);
    uint32_t start = command->checksum.start, length = command->checksum.length, offset = command->checksum.offset;
    if (!file || length > file->size || start > file->size - length || offset >= file->size)
        return false;
    file->bytes[offset] = (uint8_t)(file->bytes[offset] + table_checksum(file->bytes + start, length));
    return true;
}

bool loader_run(const struct table_loader *loader, const struct loader_file *files, size_t count) {
    bool good = !loader->full;
    for (unsigned i = 0; good && i < loader->count; i++) {
        const struct loader_command *command = &loader->commands[i];
        if (command->command == COMMAND_POINTER)
            good = run_pointer(command, files, count);
        else if (command->command == COMMAND_CHECKSUM)
            good = run_checksum(command, files, count);
        else
            good = find(files, count, command->allocate.file) != NULL;
    }
    return good;
}
