# What users run: ww itself, and the example guests that `make run` and the tests start.
file(GLOB ww_main ${CMAKE_SOURCE_DIR}/src/cli/main.c)
add_test(NAME house/include-edges COMMAND ${CMAKE_SOURCE_DIR}/test/edges.sh)
