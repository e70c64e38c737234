// Rows into values.
#include "mysql/checksum_reader.hpp"

#include <algorithm>
#include <charconv>

#include "mysql/checksum_sql.hpp"

namespace repl::mysql {
namespace {

using namespace std::chrono_literals;
constexpr auto kCallLimit = 15s;

std::uint64_t number(const Field& field) {
  std::uint64_t out = 0;
  if (field) std::from_chars(field->data(), field->data() + field->size(), out);
  return out;
}

std::string text(const Row& row, std::size_t column) {
  return row.at(column).value_or("");
}

verify::Key key_of(const Row& row, std::size_t columns) {
  verify::Key key;
  for (std::size_t i = 0; i < columns; ++i) key.push_back(text(row, i));
  return key;
}

verify::Column column_of(const Row& row) {
  auto type = text(row, 1);
  std::transform(type.begin(), type.end(), type.begin(), [](char c) { return 'A' <= c && c <= 'Z' ? c | 0x20 : c; });
  return {.name = text(row, 0),
          .type = std::move(type),
          .full_type = text(row, 2),
          .charset = text(row, 3),
          .collation = text(row, 4),
          .nullable = text(row, 5) == "YES",
          .is_virtual = text(row, 6).find("VIRTUAL GENERATED") != std::string::npos,
          .generated = text(row, 7)};
}

std::vector<verify::Index> indexes_of(const Rows& rows) {
  std::vector<verify::Index> out;
  for (const auto& row : rows) {
    if (out.empty() || out.back().name != text(row, 0)) {
      out.push_back(
          {.name = text(row, 0), .unique = text(row, 1) == "1", .visible = text(row, 2) == "YES", .parts = {}});
    }
    out.back().parts.push_back(
        {.column = text(row, 3), .whole = !row.at(4).has_value(), .descending = text(row, 5) == "D"});
  }
  return out;
}

}  // namespace

ChecksumReader::ChecksumReader(NodeId node, Endpoint endpoint, std::shared_ptr<const std::atomic<bool>> stopping)
    : node_{std::move(node)},
      stopping_{std::move(stopping)},
      server_{node_, std::move(endpoint), std::make_shared<NodeCounters>()} {}

Result<Rows> ChecksumReader::query(const Statement& statement) {
  const Call call{node_, std::chrono::steady_clock::now() + kCallLimit, nullptr, stopping_};
  auto session = server_.borrow(Purpose::Wait, call);
  if (!session) return tl::unexpected(session.error());
  if (prepared_ != (*session)->id()) {
    if (auto prepared = (*session)->execute(call, prepare_for_checksums()); !prepared) {
      return tl::unexpected(prepared.error());
    }
    prepared_ = (*session)->id();
  }
  auto rows = (*session)->query(call, statement);
  if (!rows) {  // the statement is long, and says nothing to those who read of its failure
    auto& message = rows.error().message;
    if (const auto at = message.find(statement.text); at != std::string::npos) {
      message.replace(at, statement.text.size(), "comparing");
    }
  }
  return rows;
}

Result<void> ChecksumReader::check_range(const verify::TableShape& table, const verify::KeyRange& range) const {
  for (const auto* end : {&range.after, &range.up_to}) {
    if (*end && !verify::has_key(table, **end)) {
      return fail(ErrorCode::ServerRefused, "{}: {} was read by another key than it has now", node_,
                  to_string(table.id));
    }
  }
  return {};
}

Result<GtidSet> ChecksumReader::position() {
  const auto rows = query("SELECT @@GLOBAL.gtid_executed");
  if (!rows) return tl::unexpected(rows.error());
  return GtidSet::parse(text(rows->at(0), 0));
}

Result<bool> ChecksumReader::wait_for(const GtidSet& set, std::chrono::milliseconds within) {
  if (set.empty()) return true;
  const std::chrono::duration<double> time = std::clamp<std::chrono::milliseconds>(within, 1ms, 5s);
  const auto rows =
      query(fmt::format("SELECT WAIT_FOR_EXECUTED_GTID_SET({}, {:.3f})", sql_quoted(set.to_string()), time.count()));
  if (!rows) return tl::unexpected(rows.error());
  return text(rows->at(0), 0) == "0";
}

Result<std::vector<verify::TableShape>> ChecksumReader::tables(const verify::Settings& settings) {
  const auto rows = query(tables_query(settings));
  if (!rows) return tl::unexpected(rows.error());
  std::vector<verify::TableShape> out;
  for (const auto& row : *rows) {
    out.push_back({.id = {text(row, 0), text(row, 1)},
                   .engine = text(row, 2),
                   .columns = {},
                   .key = std::nullopt,
                   .rows_estimate = number(row.at(3)),
                   .bytes_estimate = number(row.at(4))});
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return out;
}

Result<std::optional<verify::TableShape>> ChecksumReader::shape(const verify::TableId& table) {
  using Found = std::optional<verify::TableShape>;
  const auto found = query(table_query(table));
  if (!found) return tl::unexpected(found.error());
  if (found->empty()) return Found{};
  const auto columns = query(columns_query(table));
  if (!columns) return tl::unexpected(columns.error());
  const auto indexes = query(indexes_query(table));
  if (!indexes) return tl::unexpected(indexes.error());
  const auto& row = found->front();
  verify::TableShape shape{.id = table,
                           .engine = text(row, 0),
                           .columns = {},
                           .key = std::nullopt,
                           .rows_estimate = number(row.at(1)),
                           .bytes_estimate = number(row.at(2))};
  for (const auto& column : *columns) shape.columns.push_back(column_of(column));
  shape.key = verify::choose_key(shape.columns, indexes_of(*indexes));
  return Found{std::move(shape)};
}

Result<std::optional<verify::Key>> ChecksumReader::boundary(const verify::TableShape& table,
                                                            const std::optional<verify::Key>& after,
                                                            std::uint64_t rows) {
  if (const auto fit = check_range(table, {after, std::nullopt}); !fit) return tl::unexpected(fit.error());
  const auto found = query(boundary_query(table, after, rows));
  if (!found) return tl::unexpected(found.error());
  if (found->empty()) return std::optional<verify::Key>{};
  return std::optional{key_of(found->front(), table.key->columns.size())};
}

Result<ChecksumReader::Sum> ChecksumReader::sum(const verify::TableShape& table, const verify::KeyRange& range) {
  if (const auto fit = check_range(table, range); !fit) return tl::unexpected(fit.error());
  const auto found = query(sum_query(table, range));
  if (!found) return tl::unexpected(found.error());
  return Sum{number(found->at(0).at(0)), text(found->at(0), 1)};
}

Result<ChecksumReader::Hashes> ChecksumReader::rows(const verify::TableShape& table, const verify::KeyRange& range,
                                                    const std::vector<verify::Key>& keys, std::uint64_t most) {
  if (const auto fit = check_range(table, range); !fit) return tl::unexpected(fit.error());
  const auto found = query(rows_query(table, range, keys, most));
  if (!found) return tl::unexpected(found.error());
  const auto columns = table.key ? table.key->columns.size() : 1;
  Hashes out;
  for (const auto& row : *found) out.rows.emplace(key_of(row, columns), text(row, columns));
  if (found->size() >= most) out.cut_at = key_of((*found)[found->size() / 2], columns);
  return out;
}

}  // namespace repl::mysql
