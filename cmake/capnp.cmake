# The Cap'n Proto generator. gen/capnp and test/support hold what it made; a test makes it again and compares.
add_library(ww_capnpc STATIC tools/capnpc/brand.c tools/capnpc/file.c tools/capnpc/gen.c tools/capnpc/gen_interface.c
  tools/capnpc/gen_struct.c tools/capnpc/model.c)
target_include_directories(ww_capnpc PUBLIC ${CMAKE_SOURCE_DIR}/tools/capnpc)
target_link_libraries(ww_capnpc PUBLIC ww_capnp)
list(APPEND WW_ALL_LAYERS ww_capnpc) # its tests and fuzzer
if(NOT WW_SANITIZE)
  add_executable(capnpc-c17 tools/capnpc/main.c)
  target_link_libraries(capnpc-c17 PRIVATE ww_capnpc)
  add_test(NAME house/gen-capnp COMMAND ${CMAKE_SOURCE_DIR}/tools/capnp --check)
  set_tests_properties(house/gen-capnp PROPERTIES ENVIRONMENT "WW_BUILD=${CMAKE_BINARY_DIR}")

  # The example of doc/capnp.md, generated as its reader would.
  set(made ${CMAKE_BINARY_DIR}/examples/capnp)
  file(MAKE_DIRECTORY ${made})
  add_custom_command(OUTPUT ${made}/greeter.capnp.c ${made}/greeter.capnp.h
    COMMAND capnp compile -o$<TARGET_FILE:capnpc-c17>:${made} --src-prefix=${CMAKE_SOURCE_DIR}/examples/capnp
      ${CMAKE_SOURCE_DIR}/examples/capnp/greeter.capnp
    DEPENDS capnpc-c17 examples/capnp/greeter.capnp)
  add_executable(example_capnp EXCLUDE_FROM_ALL examples/capnp/main.c ${made}/greeter.capnp.c)
  target_include_directories(example_capnp PRIVATE ${made})
  target_link_libraries(example_capnp PRIVATE ww_capnp)
  add_dependencies(tests example_capnp)
  add_test(NAME examples/capnp COMMAND example_capnp)
  set_tests_properties(examples/capnp PROPERTIES PASS_REGULAR_EXPRESSION "Hello, pipelines! .0 before.")
  add_test(NAME house/capnp-wasm32 COMMAND ${CMAKE_SOURCE_DIR}/test/capnp_wasm32.sh)

  # Relative to itself: `make install` says where only when it is run.
  file(RELATIVE_PATH WW_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  configure_file(cmake/ww-capnp.pc.in ww-capnp.pc @ONLY)
  install(TARGETS capnpc-c17 ww_capnp ww_base)
  install(FILES include/ww/capnp.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ww)
  install(FILES tools/capnpc/include/ww/c17.capnp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ww)
  foreach(header read build copy frame pack typed cap_ref cap call boundary conn)
    install(FILES src/capnp/${header}.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ww/capnp)
  endforeach()
  foreach(header alloc bytes status)
    install(FILES src/base/${header}.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ww/base)
  endforeach()
  add_test(NAME house/capnp-install COMMAND ${CMAKE_SOURCE_DIR}/test/capnp_install.sh)
  set_tests_properties(house/capnp-install PROPERTIES ENVIRONMENT "WW_BUILD=${CMAKE_BINARY_DIR}")
  install(FILES ${CMAKE_BINARY_DIR}/ww-capnp.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
