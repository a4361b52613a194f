# Guests: C programs compiled to core modules by Debian's clang and wasi-libc, made components by ww-componentize.
#
#   guests/NAME/*.c       an image: build/images/NAME/main.wasm; images/default is the C hello     target images
#   test/guest/NAME.c     a guest of the tests: build/guests/NAME.wasm                              target guests
#   bench/guest/NAME.c    a guest of the benchmarks, likewise                                       target guests
#
# A guest that declares imports by hand names the folder of its WIT and its world below.
find_program(WW_GUEST_CLANG NAMES clang-14 REQUIRED)
set(WW_COMPONENTIZE ${WW_TOOLCHAIN}/bin/ww-componentize)
set(WW_GUEST_FLAGS --target=wasm32-wasi --sysroot=/usr -std=gnu17 -O2
  -Wall -Wextra -Werror -Wconversion -Wshadow -Wstrict-prototypes -Wl,--strip-debug)

# ww_add_guest(NAME OUT [NATIVE] [WIT DIR WORLD NAME] SOURCES FILE...): OUT is a component, its core module stays in
# build/guests/core. NATIVE guests have no libc and reach the host through their world alone (the reactor's adapter adds
# nothing to them); all others go through the preview 1 adapter of commands.
function(ww_add_guest name out)
  cmake_parse_arguments(PARSE_ARGV 2 arg "NATIVE" "WIT;WORLD" "SOURCES")
  set(core ${CMAKE_BINARY_DIR}/guests/core/${name}.wasm)
  set(flags ${WW_GUEST_FLAGS})
  set(kind "")
  if(arg_NATIVE)
    list(APPEND flags -nostdlib -Wl,--no-entry)
    set(kind --reactor)
  endif()
  set(world "")
  set(wit_files "")
  if(arg_WIT)
    set(world --wit ${arg_WIT} --world ${arg_WORLD})
    file(GLOB_RECURSE wit_files CONFIGURE_DEPENDS FOLLOW_SYMLINKS ${arg_WIT}/*.wit)
  endif()
  get_filename_component(folder ${out} DIRECTORY)
  file(MAKE_DIRECTORY ${folder} ${CMAKE_BINARY_DIR}/guests/core)
  add_custom_command(OUTPUT ${out}
    COMMAND ${WW_GUEST_CLANG} ${flags} ${arg_SOURCES} -o ${core}
    COMMAND ${WW_COMPONENTIZE} new ${core} ${out} ${world} ${kind}
    BYPRODUCTS ${core}
    DEPENDS ${arg_SOURCES} ${wit_files} ${WW_COMPONENTIZE}
    COMMENT "Guest ${name}" VERBATIM)
endfunction()

file(GLOB image_folders CONFIGURE_DEPENDS LIST_DIRECTORIES true ${CMAKE_SOURCE_DIR}/guests/*)
set(WW_IMAGES "")
foreach(folder IN LISTS image_folders)
  get_filename_component(name ${folder} NAME)
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.c)
  set(image ${CMAKE_BINARY_DIR}/images/${name}/main.wasm)
  ww_add_guest(${name} ${image} SOURCES ${sources})
  list(APPEND WW_IMAGES ${image})
endforeach()
file(CREATE_LINK hello ${CMAKE_BINARY_DIR}/images/default SYMBOLIC)
add_custom_target(images DEPENDS ${WW_IMAGES})

# exit_with_code and echo import by hand; calls is the guest of the call benchmarks.
set(ww_guest_options_exit_with_code WIT ${CMAKE_SOURCE_DIR}/test/guest/wit WORLD exit-with-code)
set(ww_guest_options_echo NATIVE WIT ${CMAKE_SOURCE_DIR}/test/guest/wit WORLD echo)
set(ww_guest_options_calls NATIVE WIT ${CMAKE_SOURCE_DIR}/bench/wit WORLD calls)

file(GLOB guest_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/test/guest/*.c ${CMAKE_SOURCE_DIR}/bench/guest/*.c)
set(WW_GUESTS "")
foreach(source IN LISTS guest_sources)
  get_filename_component(name ${source} NAME_WE)
  set(guest ${CMAKE_BINARY_DIR}/guests/${name}.wasm)
  ww_add_guest(${name} ${guest} ${ww_guest_options_${name}} SOURCES ${source})
  list(APPEND WW_GUESTS ${guest})
endforeach()
add_custom_target(guests DEPENDS ${WW_GUESTS})
add_dependencies(tests guests images)
