// One run of replctl: what was asked for, where the answer goes, and the connection to repld, made on first use.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "ctl/connection.hpp"
#include "ctl/console.hpp"
#include "ctl/exit_codes.hpp"
#include "ctl/json.hpp"
#include "ctl/tables.hpp"

namespace repl::ctl {

enum class Format { Table, Wide, JsonText, YamlText, Tsv };
/// The names of -o, in the order of the enum.
inline constexpr std::array<const char*, 5> kFormatNames{"table", "wide", "json", "yaml", "tsv"};

struct GlobalOptions {
  std::string format = "table";
  std::string colour = "auto";  ///< auto | always | never
  ConnectionOptions connection;
};

/// One thread. The console must outlive it.
class Invocation {
 public:
  explicit Invocation(Console& console) : console_(console) {}

  GlobalOptions options;
  /// What the chosen command does; set while the arguments are parsed, run afterwards.
  std::function<Result<Exit>()> action;
  /// Names of things that repld does not know, for completion; may be empty. See Extension.
  std::function<std::vector<std::string>(const std::string& kind)> more_names;

  Console& console() { return console_; }
  const Style& style() const { return console_.style; }
  Format format() const;
  bool for_people() const { return format() == Format::Table || format() == Format::Wide; }
  Shown shown() const { return format() == Format::Wide ? Shown::Wide : Shown::Always; }

  /// @errors InvalidArgument: an address that is none
  Result<Repld*> repld();
  /// Where sentences, plans and progress go: standard output for people, standard error beside machine-readable output.
  std::ostream& talk();
  const Style& talk_style();

  /// `given`, or the only cluster there is.
  /// @errors NoSuchCluster: there is none; InvalidArgument: there are several, the message names them
  Result<std::string> cluster(const std::string& given);

  /// Prints `value` for machines, the table for people. Done.
  Exit show(const Json& value, const Table& table);
  /// The same with text of another kind for people; the table is for tsv.
  Exit show(const Json& value, const Table& table, const std::string& text);
  /// An answer that is a sentence for people, and an object of scalars for machines.
  Exit say(const Json& value, const std::string& sentence);

 private:
  Console& console_;
  std::optional<Repld> repld_;
};

/// "/api/v1/clusters/shop" + `rest`.
std::string cluster_path(const std::string& cluster, std::string_view rest = {});

/// The present moment, for the ages of things.
Time now();

}  // namespace repl::ctl
