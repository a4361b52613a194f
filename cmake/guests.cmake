# Guests: C programs compiled to core modules by Debian's clang and wasi-libc, made components by ww-componentize.
#
#   guests/NAME/*.c       an image: build/images/NAME/main.wasm; images/default is pid0            target images
#   test/guest/NAME.c     a guest of the tests: build/guests/NAME.wasm                              target guests
#   bench/guest/NAME.c    a guest of the benchmarks, likewise                                       target guests
#
# guests/guest-runtime is the library for guests that have a session with their host; those of guests/ are built on it.
# A guest that declares imports by hand names the folder of its WIT and its world below.
find_program(WW_GUEST_CLANG NAMES clang-14 REQUIRED)
set(WW_COMPONENTIZE ${WW_TOOLCHAIN}/bin/ww-componentize)
find_program(WW_GUEST_AR NAMES llvm-ar-14 REQUIRED)
set(WW_GUEST_COMPILE --target=wasm32-wasi --sysroot=/usr -std=gnu17 -O2
  -Wall -Wextra -Werror -Wconversion -Wshadow -Wstrict-prototypes -D_GNU_SOURCE)

# The runtime and the Cap'n Proto library for wasm32: one archive, from which a guest takes what it uses. Small rather
# than fast, which measured the same: every guest carries it.
set(WW_GUEST_INCLUDES -I${CMAKE_SOURCE_DIR}/guests/guest-runtime -I${CMAKE_SOURCE_DIR}/include -I${CMAKE_SOURCE_DIR}/src
  -I${CMAKE_SOURCE_DIR}/gen -I${CMAKE_SOURCE_DIR}/guests/shell -I${CMAKE_SOURCE_DIR}/guests/pid0 -I${CMAKE_SOURCE_DIR}/test)
set(WW_GUEST_RUNTIME ${CMAKE_BINARY_DIR}/guests/libww-guest.a)
file(GLOB runtime_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/guests/guest-runtime/*.c
  ${CMAKE_SOURCE_DIR}/src/capnp/*.c ${CMAKE_SOURCE_DIR}/gen/capnp/*.c)
list(APPEND runtime_sources ${CMAKE_SOURCE_DIR}/src/base/alloc.c ${CMAKE_SOURCE_DIR}/src/base/bytes.c
  ${CMAKE_SOURCE_DIR}/src/base/status.c ${CMAKE_SOURCE_DIR}/src/base/utf8.c)
set(runtime_objects "")
foreach(source IN LISTS runtime_sources)
  file(RELATIVE_PATH name ${CMAKE_SOURCE_DIR} ${source})
  set(object ${CMAKE_BINARY_DIR}/guests/lib/${name}.o)
  get_filename_component(folder ${object} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(OUTPUT ${object}
    COMMAND ${CMAKE_C_COMPILER_LAUNCHER} ${WW_GUEST_CLANG} ${WW_GUEST_COMPILE} -Os ${WW_GUEST_INCLUDES} -MD -MF ${object}.d
      -c ${source} -o ${object}
    DEPENDS ${source} DEPFILE ${object}.d COMMENT "Guest library: ${name}" VERBATIM)
  list(APPEND runtime_objects ${object})
endforeach()
add_custom_command(OUTPUT ${WW_GUEST_RUNTIME}
  COMMAND ${CMAKE_COMMAND} -E rm -f ${WW_GUEST_RUNTIME}
  COMMAND ${WW_GUEST_AR} crs ${WW_GUEST_RUNTIME} ${runtime_objects}
  DEPENDS ${runtime_objects} COMMENT "Guest library" VERBATIM)

# ww_add_guest(NAME OUT [NATIVE | RUNTIME] [WIT DIR WORLD NAME] [ALSO FILE...] SOURCES FILE...): OUT is a component, its core
# module stays in build/guests/core. NATIVE guests have no libc and reach the host through their world alone; RUNTIME guests likewise,
# with the runtime's world and what of libc needs no system (the reactor's adapter adds nothing to either). All others go
# through the preview 1 adapter of commands.
function(ww_add_guest name out)
  cmake_parse_arguments(PARSE_ARGV 2 arg "NATIVE;RUNTIME" "WIT;WORLD" "ALSO;SOURCES")
  list(APPEND arg_SOURCES ${arg_ALSO})
  set(core ${CMAKE_BINARY_DIR}/guests/core/${name}.wasm)
  set(flags ${WW_GUEST_COMPILE} -Wl,--strip-debug)
  set(kind "")
  set(library "")
  if(arg_NATIVE)
    list(APPEND flags -nostdlib -Wl,--no-entry)
    set(kind --reactor)
  elseif(arg_RUNTIME)
    list(APPEND flags ${WW_GUEST_INCLUDES} -nostartfiles -Wl,--no-entry,--stack-first)
    set(kind --reactor)
    set(library ${WW_GUEST_RUNTIME})
    set(arg_WIT ${CMAKE_SOURCE_DIR}/guests/wit)
    set(arg_WORLD guest)
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
    COMMAND ${WW_GUEST_CLANG} ${flags} ${arg_SOURCES} ${library} -o ${core}
    COMMAND ${WW_COMPONENTIZE} new ${core} ${out} ${world} ${kind}
    BYPRODUCTS ${core}
    DEPENDS ${arg_SOURCES} ${library} ${wit_files} ${guest_headers} ${WW_COMPONENTIZE}
    COMMENT "Guest ${name}" VERBATIM)
endfunction()

file(GLOB image_folders CONFIGURE_DEPENDS LIST_DIRECTORIES true ${CMAKE_SOURCE_DIR}/guests/*)
list(FILTER image_folders EXCLUDE REGEX "/(guest-runtime|wit)$")
list(APPEND image_folders ${CMAKE_SOURCE_DIR}/examples/default-kernel)
set(WW_IMAGES "")
set(ww_guest_options_hello "") # a plain C program; all others are built on the runtime
# pid0 is a shell in the end, and carries the component that it starts.
set(embedded ${CMAKE_BINARY_DIR}/guests/embedded)
set(ww_guest_options_pid0 RUNTIME ALSO ${CMAKE_SOURCE_DIR}/guests/shell/commands.c
  ${CMAKE_SOURCE_DIR}/guests/shell/session.c ${CMAKE_SOURCE_DIR}/guests/shell/shell.c
  ${CMAKE_SOURCE_DIR}/guests/shell/words.c ${embedded}/child.c)
add_custom_command(OUTPUT ${embedded}/child.c
  COMMAND ${CMAKE_COMMAND} -DFILE=${CMAKE_BINARY_DIR}/images/child-echo/main.wasm -DNAME=child_component
    -DOUT=${embedded}/child.c -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${CMAKE_BINARY_DIR}/images/child-echo/main.wasm cmake/embed.cmake COMMENT "Guest pid0: child-echo in it" VERBATIM)
foreach(folder IN LISTS image_folders)
  get_filename_component(name ${folder} NAME)
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.c)
  set(image ${CMAKE_BINARY_DIR}/images/${name}/main.wasm)
  if(NOT DEFINED ww_guest_options_${name})
    set(ww_guest_options_${name} RUNTIME)
  endif()
  ww_add_guest(${name} ${image} ${ww_guest_options_${name}} SOURCES ${sources})
  if(EXISTS ${folder}/asks)
    configure_file(${folder}/asks ${CMAKE_BINARY_DIR}/images/${name}/asks COPYONLY)
  endif()
  add_custom_target(guest-${name} DEPENDS ${image})
  list(APPEND WW_IMAGES ${image})
endforeach()
file(CREATE_LINK pid0 ${CMAKE_BINARY_DIR}/images/default SYMBOLIC)
add_custom_target(images DEPENDS ${WW_IMAGES})

# exit_with_code, echo and store import by hand, arith and learner export by hand; calls is the guest of the call benchmarks.
set(ww_guest_options_exit_with_code WIT ${CMAKE_SOURCE_DIR}/test/guest/wit WORLD exit-with-code)
set(ww_guest_options_echo NATIVE WIT ${CMAKE_SOURCE_DIR}/test/guest/wit WORLD echo)
set(ww_guest_options_store NATIVE WIT ${CMAKE_SOURCE_DIR}/test/guest/wit WORLD store)
set(ww_guest_options_arith NATIVE WIT ${CMAKE_SOURCE_DIR}/test/guest/wit WORLD arith)
set(ww_guest_options_learner NATIVE WIT ${CMAKE_SOURCE_DIR}/test/guest/wit WORLD learner)
set(ww_guest_options_cell_calls RUNTIME)
set(ww_guest_options_link_echo RUNTIME ALSO ${CMAKE_SOURCE_DIR}/test/support/interop.capnp.c)
set(ww_guest_options_link_bad RUNTIME ALSO ${CMAKE_SOURCE_DIR}/test/support/interop.capnp.c)
set(ww_guest_options_family RUNTIME ALSO ${CMAKE_SOURCE_DIR}/guests/shell/session.c)
set(ww_guest_options_calls NATIVE WIT ${CMAKE_SOURCE_DIR}/bench/wit WORLD calls)

file(GLOB guest_headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/test/guest/*.h)
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
