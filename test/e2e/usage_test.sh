# What `ww` says about itself, and to who uses it wrongly.
. "$(dirname "$0")/expect.sh"

case_is "version"
run "$WW" --version
expect_code 0
expect_out "ww 0.1.0"

case_is "no command: the overview, as bad usage"
run "$WW"
expect_code 2
expect_out_has "COMMANDS"

case_is "help of a command"
run "$WW" help run
expect_code 0
expect_out_has "EXIT STATUS"
run "$WW" run --help
expect_code 0
expect_out_has "EXIT STATUS"

case_is "unknown command"
run "$WW" rum
expect_code 2
expect_err 'ww: no command "rum"; see `ww help`'

case_is "run without an image"
run "$WW" run
expect_code 2
expect_err 'ww run: no image given; see `ww help run`'

case_is "an unknown option is named"
run "$WW" run --loud image
expect_code 2
expect_err_has "no option --loud"

case_is "an unknown letter is named, also among others"
run "$WW" run -qv image
expect_code 2
expect_err_has "no option -q;"

case_is "a value where none belongs"
run "$WW" ps --json=3
expect_code 2
expect_err_has "--json takes no value"

case_is "an option without its value is named"
run "$WW" run image --volume
expect_code 2
expect_err_has "--volume needs a value"

case_is "a volume that is not HOST:GUEST"
run "$WW" run image --volume /tmp
expect_code 2
expect_err_has 'volume "/tmp" is not HOST:GUEST'

case_is "a volume with an unknown mode"
run "$WW" run image --volume /tmp:/data:wx
expect_code 2
expect_err_has 'volume mode "wx" is neither ro nor rw'

case_is "a time that is none"
run "$WW" run image --timeout soon
expect_code 2
expect_err_has 'timeout "soon" is not like'

case_is "--json where it means nothing"
run "$WW" help --json
expect_code 2
expect_err_has "no option --json"

case_is "two images"
run "$WW" run one two
expect_code 2
expect_err_has "put the guest's arguments after --"

case_is "what cannot be printed is an error"
run sh -c '"$0" keygen >/dev/full' "$WW"
expect_code 1
expect_err_has "ww: standard output cannot be written"

case_is "an image that is not there: what each place answered"
run "$WW" run "$tmp/none"
expect_code 1
expect_err_has "$tmp/none"
finish
