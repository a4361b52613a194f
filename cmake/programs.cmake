# What users run: ww itself, and the example guests that `make run` and the tests start.
add_executable(ww src/cli/main.c)
target_link_libraries(ww PRIVATE ww_cli)
install(TARGETS ww COMPONENT program)
install(DIRECTORY ${CMAKE_BINARY_DIR}/images DESTINATION ${CMAKE_INSTALL_DATADIR}/ww COMPONENT program)
add_test(NAME house/container COMMAND ${CMAKE_SOURCE_DIR}/test/container.sh)
set_tests_properties(house/container PROPERTIES ENVIRONMENT "WW_BUILD=${CMAKE_BINARY_DIR}")
add_test(NAME house/include-edges COMMAND ${CMAKE_SOURCE_DIR}/test/edges.sh)

# test/e2e/NAME_test.sh drives the real program; test/e2e/expect.sh has its few words. One that lacks a toolchain ends
# with 77 and is named in the summary; the first run of one may have to install it and to make its guest.
file(GLOB e2e_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/test/e2e/*_test.sh)
foreach(script IN LISTS e2e_tests)
  get_filename_component(name ${script} NAME_WE)
  add_test(NAME e2e/${name} COMMAND bash ${script} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(e2e/${name} PROPERTIES TIMEOUT 900 SKIP_RETURN_CODE 77
    ENVIRONMENT "BUILD=${CMAKE_BINARY_DIR};WW=$<TARGET_FILE:ww>")
endforeach()

# Host bindings from WIT: gen/wit is committed, the test makes it again and compares.
file(GLOB witgen_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tools/witgen/*.c)
add_executable(witgen ${witgen_sources})
target_link_libraries(witgen PRIVATE ww_component PkgConfig::JANSSON)
add_test(NAME house/gen-wit COMMAND ${CMAKE_SOURCE_DIR}/tools/wit --check)
set_tests_properties(house/gen-wit PROPERTIES ENVIRONMENT "WW_BUILD=${CMAKE_BINARY_DIR}")
