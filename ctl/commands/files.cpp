// validate, diff, apply: from a topology file to servers.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>

#include "ctl/commands/applying.hpp"
#include "ctl/commands/command.hpp"
#include "ctl/commands/families.hpp"
#include "ctl/plan_layout.hpp"
#include "ctl/topology_file.hpp"

namespace repl::ctl {
namespace {

struct FilesOptions {
  std::vector<std::string> files;
};
struct ApplyOptions {
  std::vector<std::string> files;
  bool dry_run = false;
  bool yes = false;
  std::string note;
  std::vector<std::string> allow_data_loss;
  WaitOptions wait;
};

Result<std::vector<TopologyFile>> read_all(Invocation& run, const std::vector<std::string>& names) {
  std::vector<TopologyFile> files;
  for (const auto& name : names) {
    auto file = read_topology_file(name, run.console().in);
    if (!file) return tl::unexpected(file.error());
    files.push_back(std::move(*file));
  }
  return files;
}

Json findings_value(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const auto& f : findings) list.push_back(to_json(f));
  return list;
}

/// Errors of all files go to standard error, before anything is sent.
/// @errors InvalidSpec: there were errors
Result<void> check_all(Invocation& run, const std::vector<TopologyFile>& files) {
  std::size_t errors = 0;
  for (const auto& file : files) {
    const auto found = check(file).errors;
    run.console().err << render_findings(found, file.text, run.console().err_style);
    errors += found.size();
  }
  if (errors == 0) return {};
  return fail(ErrorCode::InvalidSpec, "{}; nothing was sent to repld",
              counted(static_cast<long long>(errors), "error"));
}

/// The answer of repld, its findings about the file shown where the file is known.
Result<Json> post_document(Invocation& run, Repld& repld, const std::string& target, const TopologyFile& file,
                           Json body) {
  auto answer = repld.post(target, body, kPlanningTime);
  if (!answer && repld.last_details().is_array()) {
    for (const auto& detail : repld.last_details()) {
      run.console().err << render_finding(finding_from(detail, Level::Error), file.text, run.console().err_style);
    }
  }
  return answer;
}

// ---- validate -----------------------------------------------------------------------------------------------------

Result<Exit> validate(Invocation& run, const FilesOptions& options) {
  const auto files = read_all(run, options.files);
  if (!files) return tl::unexpected(files.error());
  bool all_valid = true;
  Json list = Json::array();
  Table table{.columns = {{"FILE"}, {"LINE", Align::Right}, {"COLUMN", Align::Right}, {"LEVEL"}, {"MESSAGE"}},
              .rows = {}};
  std::string text;
  for (const auto& file : *files) {
    const auto checked = check(file);
    const bool valid = checked.errors.empty();
    all_valid = all_valid && valid;
    list.push_back({{"file", file.name},
                    {"valid", valid},
                    {"clusters", checked.clusters},
                    {"errors", findings_value(checked.errors)},
                    {"warnings", findings_value(checked.warnings)}});
    for (const auto* findings : {&checked.errors, &checked.warnings}) {
      text += render_findings(*findings, file.text, run.style());
      for (const auto& f : *findings) {
        table.rows.push_back({{f.file, Colour::None},
                              {std::to_string(f.line), Colour::None},
                              {std::to_string(f.column), Colour::None},
                              {f.level == Level::Error ? "error" : "warning", Colour::None},
                              {f.message, Colour::None}});
      }
    }
    if (valid) {
      for (const auto& cluster : checked.clusters) text += fmt::format("{}: valid; {}\n", file.name, cluster);
    } else {
      text +=
          fmt::format("{}: {}\n", file.name,
                      run.style().paint(Colour::Red, counted(static_cast<long long>(checked.errors.size()), "error")));
    }
  }
  run.show({{"valid", all_valid}, {"files", list}}, table, text);
  return all_valid ? Exit::Done : Exit::Usage;
}

// ---- diff ---------------------------------------------------------------------------------------------------------

/// CLUSTER REVISION [REVISION] instead of files.
bool names_revisions(const std::vector<std::string>& words) {
  const auto is_number = [](const std::string& word) {
    return !word.empty() && word.find_first_not_of("0123456789") == std::string::npos;
  };
  return (words.size() == 2 || words.size() == 3) &&
         std::all_of(words.begin() + 1, words.end(),
                     [&](const std::string& word) { return is_number(word) && !std::filesystem::exists(word); });
}

Result<Exit> diff_revisions(Invocation& run, const std::vector<std::string>& words) {
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  const auto to = words.size() == 3 ? "&to=" + words[2] : std::string{};
  const auto answer = (*repld)->get(cluster_path(words[0], fmt::format("/diff?from={}{}", words[1], to)));
  if (!answer) return tl::unexpected(answer.error());
  run.show(*answer, changes_table(Json::array({*answer})), render_revision_diff(*answer, run.style()));
  return is_true(*answer, "equal") ? Exit::Done : Exit::Differs;
}

Result<Exit> diff(Invocation& run, const FilesOptions& options) {
  if (names_revisions(options.files)) return diff_revisions(run, options.files);
  const auto files = read_all(run, options.files);
  if (!files) return tl::unexpected(files.error());
  if (auto checked = check_all(run, *files); !checked) return tl::unexpected(checked.error());
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());
  Json clusters = Json::array();
  std::string text;
  bool equal = true;
  for (const auto& file : *files) {
    const auto answer = post_document(run, **repld, "/api/v1/diff", file, document_of(file));
    if (!answer) return tl::unexpected(answer.error());
    for (const auto* cluster : items_of(*answer, "clusters")) {
      clusters.push_back(*cluster);
      equal = equal && is_true(*cluster, "equal");
      text += render_diff(*cluster, run.style());
    }
  }
  const auto table = changes_table(clusters);
  run.show({{"equal", equal}, {"clusters", std::move(clusters)}}, table, text);
  return equal ? Exit::Done : Exit::Differs;
}

// ---- apply --------------------------------------------------------------------------------------------------------

Result<Exit> apply(Invocation& run, const ApplyOptions& options) {
  const auto files = read_all(run, options.files);
  if (!files) return tl::unexpected(files.error());
  if (auto checked = check_all(run, *files); !checked) return tl::unexpected(checked.error());
  auto repld = run.repld();
  if (!repld) return tl::unexpected(repld.error());

  Json results = Json::array();
  auto code = Exit::Done;
  for (const auto& file : *files) {
    auto body = document_of(file);
    body["note"] = options.note;
    if (!options.allow_data_loss.empty()) body["allowDataLoss"] = options.allow_data_loss;
    const bool look_first = options.dry_run || (run.console().interactive() && !options.yes);
    if (look_first) {
      body["dryRun"] = true;
      const auto plan = post_document(run, **repld, "/api/v1/apply", file, body);
      if (!plan) return tl::unexpected(plan.error());
      run.talk() << render_plans(*plan, run.talk_style()) << std::flush;
      if (options.dry_run) {
        for (const auto* cluster : items_of(*plan, "clusters")) results.push_back(*cluster);
        continue;
      }
      if (changes_a_running_cluster(*plan) && !confirmed(run.console(), "Carry this out?")) {
        return fail(ErrorCode::PreconditionFailed, "not confirmed: nothing was changed");
      }
    }
    body["dryRun"] = false;
    const auto answer = post_document(run, **repld, "/api/v1/apply", file, body);
    if (!answer) return tl::unexpected(answer.error());
    if (!look_first) run.talk() << render_plans(*answer, run.talk_style()) << std::flush;
    const auto waited = wait_for_all(run, *answer, options.wait, results);
    if (!waited) return tl::unexpected(waited.error());
    code = worse(code, *waited);
  }
  if (options.dry_run) run.talk() << "nothing was changed; run without --dry-run to carry it out\n";
  const Json value{{"clusters", std::move(results)}};
  if (!run.for_people()) run.show(value, plan_table(value));
  return code;
}

void add_files_argument(CLI::App& app, std::vector<std::string>& files) {
  app.add_option("FILE", files, "topology files; - is standard input")->type_name(kFileType)->required();
}

}  // namespace

void add_file_commands(CLI::App& app, Invocation& run) {
  {
    auto [sub, options] = add_command<FilesOptions>(
        app, run, {"validate", kChange, "check a topology file, without any connection"}, validate);
    add_files_argument(*sub, options->files);
    sub->footer(
        "All errors are told at once, with line and column. Exit code 0 or 2.\n\nExample:\n  replctl validate "
        "shop.yaml");
  }
  {
    auto [sub, options] = add_command<FilesOptions>(
        app, run, {"diff", kChange, "what a topology file would change of the revision in force; or two revisions"},
        diff);
    sub->add_option("FILE", options->files, "topology files, - is standard input; or CLUSTER REVISION [REVISION]")
        ->type_name(kFileType)
        ->required();
    sub->footer(
        "Two revisions are compared as the file of the second would be with the first; the second is the one in force\n"
        "when it is left out. Exit code 0: equal, 1: differs, 2 and above: error.\n\n"
        "Examples:\n  replctl diff shop.yaml && echo in force\n  replctl diff shop 7\n  replctl diff shop 5 7");
  }
  {
    auto [sub, options] =
        add_command<ApplyOptions>(app, run, {"apply", kChange, "make the servers what a topology file says"}, apply);
    add_files_argument(*sub, options->files);
    sub->add_flag("--dry-run", options->dry_run, "show changes and steps, and change nothing");
    sub->add_option("--note", options->note, "kept with the revision: why")->type_name("TEXT");
    sub->add_option("--allow-data-loss", options->allow_data_loss,
                    "what this node has may be thrown away by a clone; again for another node")
        ->type_name("NODE");
    add_yes_option(*sub, options->yes);
    add_wait_options(*sub, options->wait);
    sub->footer(
        "What changes is shown before anything is touched. On a terminal replctl asks before it changes a cluster "
        "that\n"
        "already runs. Applying the same file again changes nothing.\n\n"
        "Examples:\n  replctl apply shop.yaml --dry-run\n  replctl apply shop.yaml --note 'two more replicas'\n"
        "  replctl apply clusters/*.yaml -y --timeout 5m");
  }
}

}  // namespace repl::ctl
