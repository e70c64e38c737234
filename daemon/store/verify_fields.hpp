// The stored structs of verifications, described as in codec_fields.hpp.
#pragma once

#include "store/codec_fields.hpp"
#include "verify/run.hpp"

namespace repl::verify {

template <class V>
void fields(V& v, TableId& t) {
  auto& [schema, name] = t;
  v("schema", schema);
  v("name", name);
}

template <class V>
void fields(V& v, Settings& s) {
  auto& [schemas, tables, max_lag, gtid_only] = s;
  v("schemas", schemas);
  v("tables", tables);
  v("max_lag_ms", max_lag);
  v("gtid_only", gtid_only);
}

template <class V>
void fields(V& v, TableProgress& t) {
  auto& [table, state, why, rows_expected, rows, chunks, differences, unsettled, done_to, definition] = t;
  v("table", table);
  v("state", state);
  v("why", why);
  v("rows_expected", rows_expected);
  v("rows", rows);
  v("chunks", chunks);
  v("differences", differences);
  v("unsettled", unsettled);
  v("done_to", done_to);
  v.added("definition", definition);
}

template <class V>
void fields(V& v, Finding& f) {
  auto& [table, node, kind, missing, extra, changed, key, first, last, examples, text, at] = f;
  v("table", table);
  v("node", node);
  v("kind", kind);
  v("missing", missing);
  v("extra", extra);
  v("changed", changed);
  v("key", key);
  v("first", first);
  v("last", last);
  v("examples", examples);
  v("text", text);
  v("at_us", at);
}

template <class V>
void fields(V& v, LeftOut& l) {
  auto& [node, why, declared] = l;
  v("node", node);
  v("why", why);
  v("declared", declared);
}

template <class V>
void fields(V& v, NodeGtids& g) {
  auto& [node, executed, errant, missing] = g;
  v("node", node);
  v("executed", executed);
  v("errant", errant);
  v("missing", missing);
}

template <class V>
void fields(V& v, Run& r) {
  auto& [id, settings, state, asked_by, reference, nodes, left_out, gtids, started, finished, worked, tables,
         tables_done, tables_not_compared, rows_expected, rows, chunks, differences, unsettled, table, waiting,
         longest_wait, error, full] = r;
  v("id", id);
  v("settings", settings);
  v("state", state);
  v("asked_by", asked_by);
  v("reference", reference);
  v("nodes", nodes);
  v("left_out", left_out);
  v("gtids", gtids);
  v("started_us", started);
  v("finished_us", finished);
  v("worked_us", worked);
  v("tables", tables);
  v("tables_done", tables_done);
  v("tables_not_compared", tables_not_compared);
  v("rows_expected", rows_expected);
  v("rows", rows);
  v("chunks", chunks);
  v("differences", differences);
  v("unsettled", unsettled);
  v("table", table);
  v("waiting", waiting);
  v("longest_wait_us", longest_wait);
  v("error", error);
  v.added("full", full);
}

}  // namespace repl::verify
