# repl_module(NAME SOURCES ... USES ... HIDES ... [PCH ...])
#   a static library repl_NAME (alias repl::NAME) from the .cpp files of the calling folder.
#   USES:  what its headers need, PUBLIC.  HIDES: what only its .cpp files need, PRIVATE.
#   PCH:   headers worth precompiling (heavy third-party ones).
# repl_test(NAME SOURCES ... USES ...)
#   a GoogleTest binary NAME, registered with CTest as one test.
function(repl_module name)
  cmake_parse_arguments(M "" "" "SOURCES;USES;HIDES;PCH" ${ARGN})
  add_library(repl_${name} STATIC ${M_SOURCES})
  add_library(repl::${name} ALIAS repl_${name})
  target_link_libraries(repl_${name} PUBLIC repl_options ${M_USES} PRIVATE ${M_HIDES})
  if(M_PCH)
    target_precompile_headers(repl_${name} PRIVATE ${M_PCH})
  endif()
endfunction()

function(repl_test name)
  cmake_parse_arguments(T "" "" "SOURCES;USES;PCH" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_link_libraries(${name} PRIVATE repl_options ${T_USES} GTest::gtest_main)
  target_precompile_headers(${name} PRIVATE <gtest/gtest.h> ${T_PCH})
  add_test(NAME ${name} COMMAND ${name})
endfunction()
