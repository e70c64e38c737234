// Joins document, fields and rules, and looks across the documents of one file.
#include "spec/parse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

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
  Located out;
  out.name = reader.value_place("name");
  out.hooks = reader.value_place("hooks");
  for (std::size_t i = 0; i < spec.nodes.size(); ++i) {
    out.nodes.push_back(reader.value_place(fmt::format("nodes[{}].host", i)));
  }
  for (const auto& [role, account] : spec.accounts) {
    out.passwords[role] = reader.value_place(fmt::format("accounts.{}.password", to_string(role)));
  }
  return out;
}

/// A document, as far as it could be understood.
struct ClusterDraft {
  Spec spec;
  Located located;
  bool faultless;
};

std::optional<ClusterDraft> read_cluster(const Document& document, std::string_view base_directory, Parsed& into) {
  Reader reader{std::string{base_directory}, document.root->at};
  for (const auto& complaint : document.complaints) reader.complain(complaint);
  auto spec = spec_type().read(reader, *document.root);
  if (spec) {
    give_default_types(*spec, reader);
    check_rules(*spec, reader);
  }
  append(into.errors, details(reader.errors(), into.file));
  append(into.warnings, details(reader.warnings(), into.file));
  if (!spec) return std::nullopt;
  auto located = locate(*spec, reader);
  return ClusterDraft{std::move(*spec), std::move(located), reader.errors().empty()};
}

void check_across_documents(const std::vector<ClusterDraft>& drafts, Parsed& parsed) {
  std::vector<Spec> before;
  for (const auto& draft : drafts) {
    const auto& name = draft.spec.cluster;
    const auto first = std::find_if(before.begin(), before.end(), [&](const Spec& s) { return s.cluster == name; });
    if (first != before.end() && !name.name.empty()) {
      const auto line = drafts[static_cast<std::size_t>(first - before.begin())].located.name.line;
      parsed.errors.push_back({parsed.file, draft.located.name.line, draft.located.name.column,
                               fmt::format("name: \"{}\" is the name of the cluster in line {} already", name, line)});
    }
    append(parsed.errors, check_against(draft.spec, before, parsed.file, draft.located));
    before.push_back(draft.spec);
  }
}

}  // namespace

Parsed parse(std::string_view text, std::string_view file_name, std::string_view base_directory) {
  Parsed out{.file = std::string{file_name}};
  const auto documents = read_documents(text);
  append(out.errors, details(documents.syntax, file_name));
  std::vector<ClusterDraft> drafts;
  for (const auto& document : documents.complete) {
    if (auto draft = read_cluster(document, base_directory, out)) drafts.push_back(std::move(*draft));
  }
  if (documents.complete.empty() && documents.syntax.empty()) {
    out.errors.push_back({out.file, 1, 1,
                          "the file has no document: a topology file begins with \"name\", \"topology\" "
                          "and \"nodes\""});
  }
  check_across_documents(drafts, out);
  for (auto& draft : drafts) {
    if (!draft.faultless) continue;
    out.clusters.push_back(std::move(draft.spec));
    out.located.push_back(std::move(draft.located));
  }
  sort_by_place(out.errors);
  sort_by_place(out.warnings);
  return out;
}

}  // namespace repl::spec
