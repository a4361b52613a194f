# The Cap'n Proto generator. gen/capnp and test/support hold what it made; a test makes it again and compares.
add_library(ww_capnpc STATIC tools/capnpc/file.c tools/capnpc/gen.c tools/capnpc/gen_interface.c
  tools/capnpc/gen_struct.c tools/capnpc/model.c)
target_include_directories(ww_capnpc PUBLIC ${CMAKE_SOURCE_DIR}/tools/capnpc)
target_link_libraries(ww_capnpc PUBLIC ww_capnp)
list(APPEND WW_ALL_LAYERS ww_capnpc) # its tests and fuzzer
if(NOT WW_SANITIZE)
  add_executable(capnpc-c17 tools/capnpc/main.c)
  target_link_libraries(capnpc-c17 PRIVATE ww_capnpc)
  add_test(NAME house/gen-capnp COMMAND ${CMAKE_SOURCE_DIR}/tools/capnp --check)
  set_tests_properties(house/gen-capnp PROPERTIES ENVIRONMENT "WW_BUILD=${CMAKE_BINARY_DIR}")
endif()
