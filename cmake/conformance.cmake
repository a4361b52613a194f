# The suites of the component model, from outside the tree: make conformance WAST_DIR=DIR.
file(GLOB conformance_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/test/conformance/*.c)
add_executable(conformance EXCLUDE_FROM_ALL ${conformance_sources})
target_include_directories(conformance PRIVATE ${CMAKE_SOURCE_DIR}/test)
target_link_libraries(conformance PRIVATE ww_component PkgConfig::JANSSON)
add_dependencies(tests conformance)
