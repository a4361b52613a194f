/* config/setting.h - every setting of ww in one table: flags, environment, presets and help are
 * made of it.
 *
 * Model      A value is a text with a meaning that depends on the setting's type. The table says
 *            what a text must look like; what the settings come to is config/config.h.
 * Bounds     A text is shorter than WW_PATH_MAX.
 * Errors     E_USAGE, naming the setting and what it takes.
 * Threads    Any; the table never changes.
 */
#pragma once
#include "base/status.h"

/* identifier, in the order of `ww config` */
#define WW_SETTING_LIST(X)                                                                         \
    X(PRESET)                                                                                      \
    X(ENV_CONFIG)                                                                                  \
    X(LOG)                                                                                         \
    X(SOCKET)                                                                                      \
    X(GRAFT)                                                                                       \
    X(ALLOW_KEY)                                                                                   \
    X(EPOCHS)                                                                                      \
    X(CELLS)                                                                                       \
    X(MEMORY)                                                                                      \
    X(TIMEOUT)                                                                                     \
    X(CPU)                                                                                         \
    X(SERVE)

typedef enum ww_setting_id {
#define WW_SETTING_ENUM(name) WW_SETTING_##name,
    WW_SETTING_LIST(WW_SETTING_ENUM)
#undef WW_SETTING_ENUM
        WW_SETTING_COUNT
} ww_setting_id;

typedef enum ww_setting_type {
    WW_TYPE_CHOICE,   /* one of `known`; its number is the place there */
    WW_TYPE_SWITCH,   /* a choice of false and true whose flag has no value */
    WW_TYPE_COUNT,    /* a number of min..max */
    WW_TYPE_SIZE,     /* bytes, as 64MiB */
    WW_TYPE_DURATION, /* milliseconds, as 500ms or 2s; "none" is 0 */
    WW_TYPE_PATH,     /* "none" where there is none */
    WW_TYPE_FILTER,   /* of log lines, see config/log.h */
} ww_setting_type;

typedef struct ww_setting {
    const char *name;          /* of `ww config`; the flag without its dashes */
    const char *env, *env_too; /* the variable, and one that is asked after it; or NULL */
    const char *argument;      /* what the help calls the value; NULL: the flag has none */
    const char *fallback;      /* the value if nobody says anything */
    const char *known;         /* of a choice, with | between them */
    const char *negation;      /* a second flag, which says "none"; or NULL */
    const char *help;
    uint64_t min, max;
    uint8_t type; /* ww_setting_type */
    char letter;  /* the short flag, or 0 */
} ww_setting;

#define WW_SOCKET_AUTO "auto" /* a name of its own in the runtime folder */

/* The numbers of the choices. */
enum { WW_GRAFT_OPEN, WW_GRAFT_KEY };
enum { WW_EPOCHS_LOCAL, WW_EPOCHS_STATIC };

extern const ww_setting ww_settings[WW_SETTING_COUNT];

/* What `text` means, as a number; 0 for paths and filters. */
WW_MUST_USE ww_status ww_setting_read(const ww_setting *setting, const char *text, uint64_t *number,
                                      ww_diag *diag);
