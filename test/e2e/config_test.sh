# `ww config`: what the settings come to, and who said so.
. "$(dirname "$0")/expect.sh"

case_is "nobody speaks: defaults"
run "$WW" config
expect_code 0
expect_out_has "memory         1GiB                                     default"
expect_out_has "state folder   $XDG_STATE_HOME/ww"

case_is "flag over environment over preset over default"
run env WW_PRESET=minimal WW_CELLS=32 WW_SOCKET=/e "$WW" config --socket /f
expect_code 0
expect_out_has "preset         minimal                                  environment WW_PRESET"
expect_out_has "socket         /f                                       flag --socket"
expect_out_has "cells          32                                       environment WW_CELLS"

case_is "a preset's own values"
run "$WW" config --preset production
expect_out_has "graft          key                                      preset production"
expect_out_has "log            info                                     preset production"
run "$WW" config --preset development
expect_out_has "log            debug                                    preset development"

case_is "a guest runs in the smallest pools"
run "$WW" run --preset minimal "$BUILD/images/hello"
expect_code 0
run "$WW" run --cells 1 "$BUILD/images/hello"
expect_code 0

case_is "the same for machines"
run "$WW" config --preset minimal --json
expect_code 0
expect [ "$(jq -c .settings.socket "$tmp/out")" = '{"value":"none","origin":"preset","source":"minimal"}' ]
expect [ "$(jq -c .settings.log "$tmp/out")" = '{"value":"ww=info","origin":"default","source":null}' ]
expect [ "$(jq -r .state_folder "$tmp/out")" = "$XDG_STATE_HOME/ww" ]

case_is "an unknown preset: the known ones"
run "$WW" run --preset staging image
expect_code 2
expect_err 'ww run: preset "staging" is none of none|minimal|development|production; see `ww help run`'

case_is "a bad value in the environment names the variable"
run env WW_MEMORY=much "$WW" run image
expect_code 2
expect_err_has 'WW_MEMORY: memory "much" is not like 64MiB'

case_is "--env-config refuses variables that are no setting"
run env WW_CELL=3 "$WW" config --env-config
expect_code 2
expect_err_has "WW_CELL is no setting"

case_is "words that mean nothing are refused"
run "$WW" config now
expect_code 2
expect_err_has '"now" is one word too many'
run "$WW" config -- now
expect_code 2
expect_err_has "there is no guest"
finish
