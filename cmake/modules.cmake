# repl_module(NAME SOURCES ... USES ... HIDES ... [PCH ...])
#   a static library repl_NAME (alias repl::NAME) from the .cpp files of the calling folder.
#   USES:  what its headers need, PUBLIC.  HIDES: what only its .cpp files need, PRIVATE.
#   PCH:   headers worth precompiling (heavy third-party ones), for builds that compile file by file.
# repl_test(NAME SOURCES ... USES ... [PCH ...])
#   a GoogleTest binary NAME, registered with CTest as one test.
#
# The presets test and release compile a folder as one file (CMAKE_UNITY_BUILD): 3 minutes instead of 11 on two cores.
function(repl_module name)
  cmake_parse_arguments(M "" "" "SOURCES;USES;HIDES;PCH" ${ARGN})
  add_library(repl_${name} STATIC ${M_SOURCES})
  add_library(repl::${name} ALIAS repl_${name})
  target_link_libraries(repl_${name} PUBLIC repl_options ${M_USES} PRIVATE ${M_HIDES})
  repl_compile_quickly(repl_${name} "${M_PCH}")
endfunction()

function(repl_test name)
  cmake_parse_arguments(T "" "" "SOURCES;USES;PCH" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_link_libraries(${name} PRIVATE repl_options ${T_USES} GTest::gtest_main)
  repl_compile_quickly(${name} "<gtest/gtest.h>;${T_PCH}")
  add_test(NAME ${name} COMMAND ${name})
endfunction()

function(repl_compile_quickly target pch)
  if(pch AND NOT CMAKE_UNITY_BUILD)
    target_precompile_headers(${target} PRIVATE ${pch})
  endif()
endfunction()
