# bench/NAME_bench.c is the program build/bench/NAME_bench; `make bench` runs them all (tools/bench). bench/host holds the
# generated bindings of bench/wit.
file(GLOB bench_support CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/support/*.c ${CMAKE_SOURCE_DIR}/bench/host/*.c)
add_library(ww_bench_support STATIC EXCLUDE_FROM_ALL ${bench_support})
target_include_directories(ww_bench_support PUBLIC ${CMAKE_SOURCE_DIR}/bench)
target_link_libraries(ww_bench_support PUBLIC ${WW_ALL_LAYERS})
file(GLOB bench_programs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/*_bench.c)
foreach(source IN LISTS bench_programs)
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} EXCLUDE_FROM_ALL ${source})
  target_link_libraries(${name} PRIVATE ww_bench_support)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
  add_dependencies(bench ${name} guests images)
endforeach()
