/* test/support/shim.h - a component as encoders make it, with a shim and a fixup around its main
 * module, written by hand (support/binary.h). */
#pragma once
#include "support/binary.h"

/* Imports `env.g: (i32, i32) -> ()`, exports mem and run; `start` is put before its code, `body` is
 * what run does. */
#define TEST_SHIM_MAIN(start, body)                                                                \
    "01[" TEST_MODULE "01[02 60 02 7f 7f 00  60 00 00] 02[01 'env' 'g' 00 00] 03[01 01]"           \
    "05[01 00 01] 07[02 'mem' 02 00 'run' 00 01] " start " 0a[01 [" body "]]] "

/* One function that does `body`, and its table. */
#define TEST_SHIM(body)                                                                            \
    "01[" TEST_MODULE "01[01 60 02 7f 7f 00] 03[01 00] 04[01 70 01 01 01]"                         \
    "07[02 '0' 00 00 '$imports' 01 00] 0a[01 [" body "]]] "
#define TEST_FORWARDER "00 20 00 20 01 41 00 11 00 00 0b"

/* Fills the table; imports `s: () -> ()`, too, which it starts if `start` is "08[01]". */
#define TEST_FIXUP(start)                                                                          \
    "01[" TEST_MODULE "01[02 60 02 7f 7f 00  60 00 00]"                                            \
    "02[03 '' '0' 00 00  '' '$imports' 01 70 01 01 01  '' 's' 00 01] " start                       \
    "09[01 00 41 00 0b 01 00]] "

/* Imports `g: func(s: string)`, which needs main's memory, and runs main, whose import of it goes
 * through the shim. `filler` makes core func 1, `bag` is the core instance that the fixup gets. */
#define TEST_SHIMMED(main, shim, fixup, filler, bag)                                               \
    TEST_COMPONENT "07[02 40 01 's' 73 01 00  40 00 01 00] 0a[01 00 'g' 01 00]" main shim fixup    \
                   "02[01 00 01 00]"             /* core instance 0: the shim */                   \
                   "06[01 00 00 01 00 '0']"      /* core func 0: its entry */                      \
                   "02[01 01 01 'g' 00 00]"      /* core instance 1 */                             \
                   "02[01 00 00 01 'env' 12 01]" /* core instance 2: main */                       \
                   "06[02 00 02 01 02 'mem'  00 01 01 00 '$imports']" filler                       \
                   "06[01 00 00 01 02 'run']"                          /* core func 2 */           \
                   "02[01 01 03 '0' 00 01 '$imports' 01 00 's' 00 02]" /* the bag */               \
                   "02[01 00 02 01 '' 12 " bag "]"                     /* the fixup */             \
                   "08[01 00 00 02 00 01] 0b[01 00 'run' 01 01 00]"
#define TEST_LOWERED "08[01 01 00 00 01 03 00]"
