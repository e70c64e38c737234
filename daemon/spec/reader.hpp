// What goes along while a document is read: where in the document the reading is, where each field stood, and every
// error and warning found so far.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "spec/document.hpp"

namespace repl::spec {

/// Where a field stood: its name, and its value.
struct Place {
  Mark key;
  Mark value;
};

/// One per document. Paths have an index per list item, "nodes[1].port"; labels, as errors name fields, have none:
/// "nodes.port" (line and column tell which).
class Reader {
 public:
  /// Relative paths of the document are resolved against `base_directory`; "" leaves them as they are.
  Reader(std::string base_directory, Mark document) : base_directory_(std::move(base_directory)) {
    places_[""] = {document, document};
  }

  /// While one lives, the reading is one field (or list item) deeper.
  class Scope {
   public:
    Scope(Reader& reader, std::string_view part, Place place);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Reader& reader_;
    std::string path_before_;
  };

  const std::string& path() const { return path_; }
  /// The path of a part of what is being read.
  std::string path_of(std::string_view part) const;
  std::string label() const { return label_of(path_); }
  static std::string label_of(std::string_view path);

  /// An error of the field that is being read. Its label is put before the message.
  void error(Mark at, std::string_view message);
  void warn(Mark at, std::string_view message);
  /// An error or warning of the field at `path`, shown at its value, or at what is around it when it was not written.
  void error_at(std::string_view path, std::string_view message);
  void warn_at(std::string_view path, std::string_view message);
  void complain(const Complaint& complaint);

  /// Whether the document has the field, as opposed to its default.
  bool wrote(std::string_view path) const { return places_.contains(path); }
  Mark value_place(std::string_view path) const;
  /// Whether the field, a part of it or something around it was found wrong: conclusions from it would mislead.
  bool is_wrong(std::string_view label) const;

  std::string resolved(std::string_view file) const;

  const std::vector<Complaint>& errors() const { return errors_; }
  const std::vector<Complaint>& warnings() const { return warnings_; }

 private:
  const Place& nearest(std::string_view path) const;

  std::string base_directory_;
  std::string path_;
  std::map<std::string, Place, std::less<>> places_;
  std::vector<Complaint> errors_;
  std::vector<Complaint> warnings_;
  std::set<std::string, std::less<>> wrong_;  // labels
};

/// A value as an error shows it: in quotes, without control characters, cut when it is long.
std::string shown(std::string_view value);
/// The name among `known` that `given` was probably meant to be; empty when none is near.
std::string_view nearest_name(std::string_view given, const std::vector<std::string_view>& known);
/// "a, b or c"
std::string either(const std::vector<std::string_view>& names);

}  // namespace repl::spec
