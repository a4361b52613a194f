# Wasmtime: the copy that tools/setup built, or the installed one that WW_WASMTIME_DIR names.
set(WW_WASMTIME_DIR "$ENV{WW_WASMTIME_DIR}" CACHE PATH "An installed Wasmtime C API 48.0.8 (include/ and lib/)")
set(WW_TOOLCHAIN ${CMAKE_SOURCE_DIR}/build/toolchain)
set(ww_wasmtime_dir ${WW_TOOLCHAIN})
if(WW_WASMTIME_DIR)
  set(ww_wasmtime_dir ${WW_WASMTIME_DIR})
endif()

add_library(wasmtime STATIC IMPORTED)
set_target_properties(wasmtime PROPERTIES
  IMPORTED_LOCATION ${ww_wasmtime_dir}/lib/libwasmtime.a
  INTERFACE_INCLUDE_DIRECTORIES ${ww_wasmtime_dir}/include
  INTERFACE_LINK_LIBRARIES "pthread;dl;m")
