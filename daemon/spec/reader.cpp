// Book-keeping of places and errors, and the wording that all errors share.
#include "spec/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <numeric>

namespace repl::spec {
namespace {

constexpr std::size_t kLongestShown = 60;

/// The path of what is around `path`: "nodes[1].port" -> "nodes[1]" -> "nodes" -> "".
std::string_view around(std::string_view path) {
  const auto cut = path.find_last_of(".[");
  return cut == std::string_view::npos ? std::string_view{} : path.substr(0, cut);
}

/// Spelling variants of one name become equal: read_weight, ReadWeight, readWeight.
std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c != '-' && c != '_') out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

/// Insertions, deletions, changes and swaps of neighbours that lead from `a` to `b`.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::string labelled(const std::string& label, std::string_view message) {
  return label.empty() ? std::string{message} : fmt::format("{}: {}", label, message);
}

}  // namespace

std::string to_string(const Detail& detail) {
  if (detail.line == 0) return fmt::format("{}: {}", detail.file, detail.message);
  return fmt::format("{}:{}:{}: {}", detail.file, detail.line, detail.column, detail.message);
}

Reader::Scope::Scope(Reader& reader, std::string_view part, Place place) : reader_(reader), path_before_(reader.path_) {
  reader_.path_ = reader_.path_of(part);
  reader_.places_.insert_or_assign(reader_.path_, place);
}

Reader::Scope::~Scope() {
  reader_.path_ = path_before_;
}

std::string Reader::path_of(std::string_view part) const {
  return fmt::format("{}{}{}", path_, path_.empty() || part.front() == '[' ? "" : ".", part);
}

std::string Reader::label_of(std::string_view path) {
  std::string out;
  bool inside = false;
  for (const char c : path) {
    if (c == '[') inside = true;
    if (!inside) out += c;
    if (c == ']') inside = false;
  }
  return out;
}

void Reader::error(Mark at, std::string_view message) {
  wrong_.insert(label());
  errors_.push_back({at, labelled(label(), message)});
}

void Reader::warn(Mark at, std::string_view message) {
  warnings_.push_back({at, labelled(label(), message)});
}

void Reader::error_at(std::string_view path, std::string_view message) {
  wrong_.insert(label_of(path));
  errors_.push_back({value_place(path), labelled(label_of(path), message)});
}

void Reader::warn_at(std::string_view path, std::string_view message) {
  warnings_.push_back({value_place(path), labelled(label_of(path), message)});
}

void Reader::complain(const Complaint& complaint) {
  errors_.push_back(complaint);
}

const Place& Reader::nearest(std::string_view path) const {
  auto found = places_.find(path);
  while (found == places_.end()) {  // ends at "", the document
    path = around(path);
    found = places_.find(path);
  }
  return found->second;
}

Mark Reader::value_place(std::string_view path) const {
  return nearest(path).value;
}

bool Reader::is_wrong(std::string_view label) const {
  return std::any_of(wrong_.begin(), wrong_.end(), [label](std::string_view wrong) {
    const auto shorter = std::min(wrong.size(), label.size());
    if (wrong.substr(0, shorter) != label.substr(0, shorter)) return false;
    return wrong.size() == label.size() || shorter == 0 || (wrong.size() > shorter ? wrong : label)[shorter] == '.';
  });
}

std::string Reader::resolved(std::string_view file) const {
  const std::filesystem::path path{file};
  if (path.is_absolute() || base_directory_.empty()) return path.lexically_normal().string();
  return (std::filesystem::path{base_directory_} / path).lexically_normal().string();
}

std::string shown(std::string_view value) {
  auto cut = std::min(value.size(), kLongestShown);
  while (cut < value.size() && (static_cast<unsigned char>(value[cut]) & 0xc0) == 0x80) --cut;  // inside a character
  std::string out = "\"";
  for (const char c : value.substr(0, cut)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + (cut < value.size() ? "...\"" : "\"");
}

std::string_view nearest_name(std::string_view given, const std::vector<std::string_view>& known) {
  std::string_view best;
  auto best_distance = std::max<std::size_t>(1, std::min<std::size_t>(3, given.size() / 3)) + 1;
  for (const auto name : known) {
    const auto distance = edit_distance(folded(given), folded(name));
    if (distance < best_distance) {
      best = name;
      best_distance = distance;
    }
  }
  return best;
}

std::string either(const std::vector<std::string_view>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += names[i];
  }
  return out;
}

}  // namespace repl::spec
