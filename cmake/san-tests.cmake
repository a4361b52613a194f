# ctest in build/ also runs the cases of the sanitizer build in build/san.
if(EXISTS "${CMAKE_CURRENT_LIST_DIR}/../build/san/CTestTestfile.cmake")
  subdirs("san")
endif()
