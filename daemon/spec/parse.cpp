// Joins document, fields and rules, and looks across the documents of one file.
#include "spec/parse.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/spec_text.hpp"
#include "spec/check.hpp"
#include "spec/document.hpp"
#include "spec/fields.hpp"
#include "spec/rules.hpp"

namespace repl::spec {
namespace {

std::vector<Detail> details(const std::vector<Complaint>& complaints, std::string_view file) {
  std::vector<Detail> out;
  for (const auto& [at, message] : complaints) out.push_back({std::string{file}, at.line, at.column, message});
  return out;
}

void append(std::vector<Detail>& out, std::vector<Detail> more) {
  out.insert(out.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

void sort_by_place(std::vector<Detail>& all) {
  std::stable_sort(all.begin(), all.end(), [](const Detail& a, const Detail& b) {
    return std::pair{a.line, a.column} < std::pair{b.line, b.column};
  });
  all.erase(std::unique(all.begin(), all.end()), all.end());
}

/// Where the file says nothing, the type of a node is that of its topology.
void give_default_types(Spec& spec, const Reader& reader) {
  if (spec.topology == TopologyType::SourceReplica) return;
  for (std::size_t i = 0; i < spec.nodes.size(); ++i) {
    if (!reader.wrote(fmt::format("nodes[{}].type", i))) spec.nodes[i].type = NodeType::Normal;
  }
}

Located locate(const Spec& spec, const Reader& reader) {
  Located out{.name = reader.value_place("name")};
  for (std::size_t i = 0; i < spec.nodes.size(); ++i) {
    out.nodes.push_back(reader.value_place(fmt::format("nodes[{}].host", i)));
  }
  for (const auto& [role, account] : spec.accounts) {
    out.passwords[role] = reader.value_place(fmt::format("accounts.{}.password", to_string(role)));
  }
  return out;
}

void read_cluster(const Document& document, std::string_view base_directory, Parsed& into) {
  Reader reader{std::string{base_directory}, document.root->at};
  for (const auto& complaint : document.complaints) reader.complain(complaint);
  auto spec = spec_type().read(reader, *document.root);
  if (spec) {
    give_default_types(*spec, reader);
    check_rules(*spec, reader);
  }
  append(into.errors, details(reader.errors(), into.file));
  append(into.warnings, details(reader.warnings(), into.file));
  if (spec && reader.errors().empty()) {
    into.located.push_back(locate(*spec, reader));
    into.clusters.push_back(std::move(*spec));
  }
}

/// Documents with errors of their own are left out: they come again.
void check_across_documents(Parsed& parsed) {
  for (std::size_t i = 1; i < parsed.clusters.size(); ++i) {
    const std::span before{parsed.clusters.data(), i};
    const auto same = std::find_if(before.begin(), before.end(),
                                   [&](const Spec& s) { return s.cluster == parsed.clusters[i].cluster; });
    if (same != before.end()) {
      const auto first = parsed.located[static_cast<std::size_t>(same - before.begin())].name.line;
      parsed.errors.push_back({parsed.file, parsed.located[i].name.line, parsed.located[i].name.column,
                               fmt::format("name: \"{}\" is the name of the cluster in line {} already",
                                           parsed.clusters[i].cluster, first)});
    }
    append(parsed.errors, check_against(parsed.clusters[i], before, parsed.file, parsed.located[i]));
  }
}

}  // namespace

Parsed parse(std::string_view text, std::string_view file_name, std::string_view base_directory) {
  Parsed out{.file = std::string{file_name}};
  const auto documents = read_documents(text);
  append(out.errors, details(documents.syntax, file_name));
  for (const auto& document : documents.complete) read_cluster(document, base_directory, out);
  if (documents.complete.empty() && documents.syntax.empty()) {
    out.errors.push_back({out.file, 1, 1,
                          "the file has no document: a topology file begins with \"name\", \"topology\" "
                          "and \"nodes\""});
  }
  check_across_documents(out);
  sort_by_place(out.errors);
  sort_by_place(out.warnings);
  return out;
}

}  // namespace repl::spec
