# The interop peers: ours, the C++ one of the installed package, and pycapnp. test/interop/run.sh crosses them; the
# peers in Rust and Go are those of `make interop`.
pkg_check_modules(CAPNP_RPC QUIET IMPORTED_TARGET capnp-rpc)
add_executable(capnp_peer EXCLUDE_FROM_ALL test/interop/peer.c)
target_link_libraries(capnp_peer PRIVATE ww_test_support)
add_dependencies(tests capnp_peer)
add_executable(onnx_peer EXCLUDE_FROM_ALL test/interop/onnx_peer.c)
target_link_libraries(onnx_peer PRIVATE ww_dataflow)
add_dependencies(tests onnx_peer)
if(NOT CAPNP_RPC_FOUND)
  return()
endif()
enable_language(CXX)
set(made ${CMAKE_BINARY_DIR}/interop)
file(MAKE_DIRECTORY ${made})
add_custom_command(OUTPUT ${made}/interop.capnp.c++ ${made}/interop.capnp.h
  COMMAND capnp compile -oc++:${made} --src-prefix=${CMAKE_SOURCE_DIR}/test/interop
    ${CMAKE_SOURCE_DIR}/test/interop/interop.capnp
  DEPENDS test/interop/interop.capnp)
add_executable(capnp_peer_cpp EXCLUDE_FROM_ALL test/interop/peer.c++ ${made}/interop.capnp.c++)
set_source_files_properties(test/interop/peer.c++ ${made}/interop.capnp.c++ PROPERTIES LANGUAGE CXX)
set_target_properties(capnp_peer_cpp PROPERTIES CXX_STANDARD 14 COMPILE_OPTIONS "-O1;-w")
target_include_directories(capnp_peer_cpp PRIVATE ${made})
target_link_libraries(capnp_peer_cpp PRIVATE PkgConfig::CAPNP_RPC pthread)
add_dependencies(tests capnp_peer_cpp)

# ww_add_interop(SCRIPT SERVER:CLIENT [tcp])
function(ww_add_interop script pair)
  string(REPLACE ":" "_and_" name ${pair})
  string(JOIN "_" name interop/${name} ${ARGN})
  add_test(NAME ${name} COMMAND ${CMAKE_SOURCE_DIR}/test/interop/${script} ${pair} ${ARGN})
  set_tests_properties(${name} PROPERTIES TIMEOUT 200 SKIP_RETURN_CODE 77 ENVIRONMENT "WW_BUILD=${CMAKE_BINARY_DIR}")
endfunction()
foreach(pair capnp_peer:capnp_peer capnp_peer:capnp_peer_cpp capnp_peer_cpp:capnp_peer)
  ww_add_interop(run.sh ${pair})
  ww_add_interop(run.sh ${pair} tcp)
endforeach()
foreach(pair capnp_peer:capnp_peer_python capnp_peer_python:capnp_peer)
  ww_add_interop(python/run.sh ${pair})
endforeach()

# bench/capnp_bench.c measures against this one.
target_link_libraries(capnp_bench PRIVATE ww_test_support)
add_executable(capnp_bench_cpp EXCLUDE_FROM_ALL bench/capnp/peer.c++ ${made}/interop.capnp.c++)
set_source_files_properties(bench/capnp/peer.c++ PROPERTIES LANGUAGE CXX)
set_target_properties(capnp_bench_cpp PROPERTIES CXX_STANDARD 14 COMPILE_OPTIONS "-O2;-DNDEBUG;-w"
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
target_include_directories(capnp_bench_cpp PRIVATE ${made})
target_link_libraries(capnp_bench_cpp PRIVATE PkgConfig::CAPNP_RPC pthread)
add_dependencies(bench capnp_bench_cpp)

# The objects of bench/capnp_objects_bench.c, in both languages.
add_custom_command(OUTPUT ${made}/objects.capnp.c++ ${made}/objects.capnp.h
  COMMAND capnp compile -oc++:${made} --src-prefix=${CMAKE_SOURCE_DIR}/bench/capnp
    ${CMAKE_SOURCE_DIR}/bench/capnp/objects.capnp
  DEPENDS bench/capnp/objects.capnp)
add_executable(capnp_objects_cpp EXCLUDE_FROM_ALL bench/capnp/objects.c++ ${made}/objects.capnp.c++)
set_source_files_properties(bench/capnp/objects.c++ ${made}/objects.capnp.c++ PROPERTIES LANGUAGE CXX)
set_target_properties(capnp_objects_cpp PROPERTIES CXX_STANDARD 14 COMPILE_OPTIONS "-O2;-DNDEBUG;-w"
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
target_include_directories(capnp_objects_cpp PRIVATE ${made})
target_link_libraries(capnp_objects_cpp PRIVATE PkgConfig::CAPNP_RPC)
set(made_c ${made}/c)
file(MAKE_DIRECTORY ${made_c})
add_custom_command(OUTPUT ${made_c}/objects.capnp.c ${made_c}/objects.capnp.h
  COMMAND capnp compile -o $<TARGET_FILE:capnpc-c17>:${made_c} --src-prefix=${CMAKE_SOURCE_DIR}/bench/capnp
    ${CMAKE_SOURCE_DIR}/bench/capnp/objects.capnp
  DEPENDS bench/capnp/objects.capnp capnpc-c17)
target_sources(capnp_objects_bench PRIVATE ${made_c}/objects.capnp.c)
target_include_directories(capnp_objects_bench PRIVATE ${made_c})
add_dependencies(bench capnp_objects_cpp)
