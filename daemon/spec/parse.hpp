// From the text of a topology file to specs: the way in for everybody outside this folder.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/spec.hpp"
#include "spec/detail.hpp"

namespace repl::spec {

/// Where a cluster stood in its file, for what is found wrong with it later.
struct Located {
  Mark name;
  std::vector<Mark> nodes;  ///< Of each node's host, in the order of Spec::nodes.
  std::map<AccountRole, Mark> passwords;
  Mark hooks;
};

struct Parsed {
  std::string file;
  /// The clusters without an error, in the order of the file. Use them only when `errors` is empty: a file is taken
  /// whole.
  std::vector<Spec> clusters;
  std::vector<Located> located;  ///< One per cluster.
  std::vector<Detail> errors;    ///< All of the file, in the order of the text.
  std::vector<Detail> warnings;

  bool ok() const { return errors.empty(); }
};

/// Reads and checks a topology file of one or several documents. Nothing but the text is looked at.
///
/// @param file_name       as errors show it
/// @param base_directory  absolute; relative paths of secrets and certificates are resolved against it
Parsed parse(std::string_view text, std::string_view file_name, std::string_view base_directory);

}  // namespace repl::spec
