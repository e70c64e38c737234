// One run of replctl.
#include "ctl/invocation.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

namespace repl::ctl {

Format Invocation::format() const {
  const auto at = std::find(kFormatNames.begin(), kFormatNames.end(), options.format);
  return at == kFormatNames.end() ? Format::Table : static_cast<Format>(at - kFormatNames.begin());
}

Result<Repld*> Invocation::repld() {
  if (!repld_) {
    auto endpoints = find_endpoints(options.connection, console_.environment);
    if (!endpoints) return tl::unexpected(endpoints.error());
    repld_.emplace(std::move(*endpoints));
  }
  return &*repld_;
}

std::ostream& Invocation::talk() {
  return for_people() ? console_.out : console_.err;
}
const Style& Invocation::talk_style() {
  return for_people() ? console_.style : console_.err_style;
}

Result<std::string> Invocation::cluster(const std::string& given) {
  if (!given.empty()) return given;
  auto connection = repld();
  if (!connection) return tl::unexpected(connection.error());
  const auto answer = (*connection)->get("/api/v1/clusters");
  if (!answer) return tl::unexpected(answer.error());
  const auto clusters = items_of(*answer, "clusters");
  if (clusters.empty()) {
    return fail(ErrorCode::NoSuchCluster, "repld manages no cluster yet; give it one with: replctl apply FILE");
  }
  if (clusters.size() == 1) return text_of(*clusters.front(), "cluster");
  std::string names;
  for (const auto* c : clusters) names += (names.empty() ? "" : ", ") + text_of(*c, "cluster");
  return fail(ErrorCode::InvalidArgument, "which cluster? There are {}: name one", names);
}

Exit Invocation::show(const Json& value, const Table& table) {
  return show(value, table, for_people() ? render_table(table, shown(), style()) : std::string{});
}

Exit Invocation::show(const Json& value, const Table& table, const std::string& text) {
  switch (format()) {
    case Format::Table:
    case Format::Wide:
      console_.out << text;
      break;
    case Format::JsonText:
      console_.out << to_json_text(value);
      break;
    case Format::YamlText:
      console_.out << to_yaml_text(value);
      break;
    case Format::Tsv:
      console_.out << render_tsv(table);
      break;
  }
  return Exit::Done;
}

Exit Invocation::say(const Json& value, const std::string& sentence) {
  Table table{.columns = {{"NAME"}, {"VALUE"}}, .rows = {}};
  for (const auto& [key, field] : value.items())
    table.rows.push_back({{key, Colour::None}, {text_of(value, key.c_str()), Colour::None}});
  return show(value, table, sentence + '\n');
}

std::string cluster_path(const std::string& cluster, std::string_view rest) {
  return fmt::format("/api/v1/clusters/{}{}", url_escape(cluster), rest);
}

Time now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

}  // namespace repl::ctl
