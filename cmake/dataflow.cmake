# Modules written as text, compiled to artifacts; and what an embedder of the engine needs, installed.
add_executable(ww-modulec ${CMAKE_SOURCE_DIR}/tools/modulec.c)
target_link_libraries(ww-modulec PRIVATE ww_dataflow)

file(RELATIVE_PATH WW_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/ww-dataflow.pc.in ww-dataflow.pc @ONLY)
install(TARGETS ww-modulec ww_dataflow ww_bootstrap ww_base)
install(FILES include/ww/dataflow.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ww)
install(FILES src/bootstrap/bootstrap.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ww/bootstrap)
install(FILES src/dataflow/text.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ww/dataflow)
foreach(header alloc blob bytes status)
  install(FILES src/base/${header}.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ww/base)
endforeach()
install(FILES ${CMAKE_BINARY_DIR}/ww-dataflow.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# The example, built from the installed tree alone.
add_test(NAME examples/dataflow COMMAND ${CMAKE_SOURCE_DIR}/test/embed_dataflow.sh)
set_tests_properties(examples/dataflow PROPERTIES ENVIRONMENT "WW_BUILD=${CMAKE_BINARY_DIR}")
