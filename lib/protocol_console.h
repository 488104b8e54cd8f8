// Between init, console and domain manager: the directory of channels, and calls to the console.
#pragma once
#include "lib/channel.h"
#include "lib/startup.h"

#define CONSOLE_CHANNEL_INIT 0u   // init's log
#define CONSOLE_CHANNELS     504u // two a domain, up to two a server

enum console_channel_kind { CONSOLE_CHANNEL_NONE, CONSOLE_CHANNEL_LOG, CONSOLE_CHANNEL_SHELL, CONSOLE_CHANNEL_DOMAIN };

#define CONSOLE_SCROLLBACK 65536u // bytes kept of each channel

// Window "directory" of the console, written by init alone, read-only in the console; a kick follows each change.
// Channel i lies at address CONSOLE_WINDOWS + i * CONSOLE_WINDOW_STRIDE, behind it memory for its scrollback, which no
// client sees; its wake semaphore at selector CONSOLE_WAKE + i.
#define CONSOLE_WINDOWS       0x40000000ull
#define CONSOLE_WINDOW_STRIDE 0x40000ull
#define CONSOLE_WINDOW_BYTES  (CHANNEL_BYTES + CONSOLE_SCROLLBACK)
#define CONSOLE_WAKE          SELECTOR_NUMBERED
_Static_assert(CONSOLE_WINDOW_BYTES <= CONSOLE_WINDOW_STRIDE, "windows");
#define CONSOLE_EVENT_KICK 0 // event bit of the console's thread: a channel or the directory has something new
#define CONSOLE_EVENT_UART 1 // event bit: the UART's interrupt

struct console_directory {
    uint64_t changes; // counts changes, written last
    struct console_directory_entry {
        uint32_t kind;   // enum console_channel_kind; NONE: nobody uses the channel
        uint32_t domid;  // of a domain's channel
        uint64_t serial; // differs for each use of an entry
        char name[48];   // server, or domain
    } entry[CONSOLE_CHANNELS];
};
#define CONSOLE_DIRECTORY_PAGES ((sizeof(struct console_directory) + PAGE_SIZE - 1) / PAGE_SIZE)

// Calls of the domain manager, by portal "console": data[0] the operation, reply data[0] enum console_status.
enum console_operation {
    CONSOLE_CONNECT =
        1, // data[1]: channel; the terminal shows it until Ctrl-] is typed (then the shell's `connected` is 1 again)
    CONSOLE_READ, // data[1]: channel or CONSOLE_CORE_LOG, data[2]: position; reply: data[1] position that the bytes
                  // start at (later than asked if older ones are gone), data[2] number of bytes, data[3] end of what
                  // there is, bytes from data[4] on
    CONSOLE_TYPE, // data[1]: channel, data[2]: number of bytes, bytes from data[3] on, as if typed; reply data[1]: how
                  // many were taken
    CONSOLE_RELEASE, // data[1]: channel: the shell takes the terminal back
};
enum console_status { CONSOLE_OK, CONSOLE_BAD_REQUEST, CONSOLE_NO_CHANNEL };
#define CONSOLE_CORE_LOG   UINT64_MAX // in place of a channel: the log ring of the core
#define CONSOLE_READ_BYTES 1984u
#define CONSOLE_TYPE_BYTES 1984u
