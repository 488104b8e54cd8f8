// Calls to the console. What they say is copied out of the message before it is looked at.
#include "dom0/console/calls.h"
#include "dom0/console/channels.h"
#include "dom0/console/terminal.h"
#include "lib/string.h"

static uint64_t answer(struct message_buffer *message, enum console_status status) {
    message->data[0] = status;
    return 1;
}

static uint64_t read_channel(struct message_buffer *message) {
    const struct console_channel *channel = channels_slot(message->data[1]);
    uint64_t position = message->data[2];
    if (!channel)
        return answer(message, CONSOLE_NO_CHANNEL);
    uint64_t got = scrollback_read(&channel->scrollback, &position, (uint8_t *)&message->data[4], CONSOLE_READ_BYTES);
    message->data[1] = position;
    message->data[2] = got;
    message->data[3] = channel->scrollback.end;
    (void)answer(message, CONSOLE_OK);
    return 4 + (got + 7) / 8;
}

static uint64_t type(struct message_buffer *message) {
    uint64_t slot = message->data[1], size = message->data[2];
    struct console_channel *channel = slot < CONSOLE_CHANNELS ? channels_slot(slot) : NULL;
    if (size > CONSOLE_TYPE_BYTES || message->words < 3 + (size + 7) / 8)
        return answer(message, CONSOLE_BAD_REQUEST);
    if (!channel || channel->ended)
        return answer(message, CONSOLE_NO_CHANNEL);
    message->data[1] = channel_type(channel, slot, &message->data[3], size);
    (void)answer(message, CONSOLE_OK);
    return 2;
}

uint64_t call_serve(struct message_buffer *message) {
    static const uint8_t words[] = {
        [CONSOLE_CONNECT] = 2, [CONSOLE_READ] = 3, [CONSOLE_TYPE] = 3, [CONSOLE_RELEASE] = 2};
    uint64_t operation = message->words ? message->data[0] : 0;
    if (operation == 0 || operation >= sizeof(words) || message->words < words[operation])
        return answer(message, CONSOLE_BAD_REQUEST);
    switch (operation) {
    case CONSOLE_CONNECT:
        return answer(message, terminal_connect(message->data[1]) ? CONSOLE_OK : CONSOLE_NO_CHANNEL);
    case CONSOLE_READ:
        return read_channel(message);
    case CONSOLE_TYPE:
        return type(message);
    default:
        terminal_release(message->data[1]);
        return answer(message, CONSOLE_OK);
    }
}
