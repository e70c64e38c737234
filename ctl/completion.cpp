// The completion scripts. Each has the same three parts: a walk over the words that finds the command and how many
// arguments it has, tables made from the command tree, and a function that completes one kind of value.
#include "ctl/completion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

namespace repl::ctl {
namespace {

/// How values of a type are completed: a kind for `replctl __names`, or files.
struct TypeRow {
  std::string_view type;
  std::string_view kind;
};
constexpr std::array kTypes{TypeRow{"CLUSTER", "@clusters"},
                            TypeRow{"NODE", "@nodes"},
                            TypeRow{"OPERATION", "@operations"},
                            TypeRow{"SANDBOX", "@sandboxes"},
                            TypeRow{"SANDBOX-NODE", "@sandbox-nodes"},
                            TypeRow{"REVISION", "@revisions"},
                            TypeRow{"FILE", "@files"}};

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : std::string(separator)) + part;
  return out;
}

/// "@clusters", "@files", or the words themselves; "" when nothing is known.
std::string kind_of(const CompletionOption& option) {
  if (!option.words.empty()) return join(option.words, " ");
  const auto* row = std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& r) { return r.type == option.type; });
  return row == kTypes.end() ? std::string{} : std::string(row->kind);
}

/// Within single quotes of a POSIX shell.
std::string shell_word(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// Within single quotes of fish.
std::string fish_word(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string_view last_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}
std::string_view parent_of(std::string_view path) {
  return path.substr(0, path.rfind('/'));
}

/// Rows of a `case` that bash and zsh share: pattern -> body.
std::string case_rows(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::string out;
  for (const auto& [pattern, body] : rows) out += fmt::format("    {}) {} ;;\n", pattern, body);
  return out;
}

struct SharedTables {
  std::string commands;     ///< "path word" that is a command
  std::string values;       ///< "path option" -> kind of its value
  std::string options;      ///< path -> its options
  std::string subcommands;  ///< path -> its subcommands
  std::string arguments;    ///< "path:index" -> kind
};

SharedTables shared_tables(const std::vector<CompletionCommand>& commands) {
  SharedTables t;
  std::vector<std::pair<std::string, std::string>> words, values, options, subcommands, arguments;
  for (const auto& c : commands) {
    if (!c.path.empty())
      words.emplace_back(shell_word(fmt::format("{} {}", parent_of(c.path), last_name(c.path))),
                         "path=\"$path/$word\"; count=0; continue");
    std::vector<std::string> names;
    for (const auto& o : c.options) {
      names.insert(names.end(), o.names.begin(), o.names.end());
      if (o.type.empty()) continue;
      for (const auto& name : o.names) {  // options of replctl itself may stand behind any command
        values.emplace_back(
            c.path.empty() ? "*" + shell_word(" " + name) : shell_word(fmt::format("{} {}", c.path, name)),
            "kind=" + shell_word(kind_of(o)) + "; value=1");
      }
    }
    if (!names.empty() && !c.path.empty())
      options.emplace_back(shell_word(c.path), "flags=" + shell_word(join(names, " ")));
    if (!c.subcommands.empty())
      subcommands.emplace_back(shell_word(c.path), "kind=" + shell_word(join(c.subcommands, " ")));
    for (std::size_t i = 0; i < c.arguments.size(); ++i) {
      const auto kind = kind_of(c.arguments[i]);
      if (!kind.empty()) {
        const bool last = i + 1 == c.arguments.size();  // more of the same may follow a list
        arguments.emplace_back(last ? shell_word(c.path + ":") + "*" : shell_word(fmt::format("{}:{}", c.path, i)),
                               "kind=" + shell_word(kind));
      }
    }
  }
  return {case_rows(words), case_rows(values), case_rows(options), case_rows(subcommands), case_rows(arguments)};
}

std::string global_options(const std::vector<CompletionCommand>& commands) {
  std::vector<std::string> names;
  if (!commands.empty()) {
    for (const auto& o : commands.front().options) names.insert(names.end(), o.names.begin(), o.names.end());
  }
  return join(names, " ");
}

constexpr std::string_view kBash =
    R"sh(# Completion of replctl for bash. Load it with: source <(replctl completion bash)
_replctl() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} path='' word='' kind='' value='' flags='' count=0 i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${{COMP_WORDS[i]}}
    if [[ -n $value ]]; then value='' kind=''; continue; fi
    case "$path $word" in
{commands}    esac
    if [[ $word == -* ]]; then
    case "$path $word" in
{values}    esac
    else
      ((count++))
    fi
  done
  if [[ -z $value ]]; then
    if [[ $cur == -* ]]; then
    case "$path" in
{options}    esac
      kind="$flags {globals}"
    else
    case "$path" in
{subcommands}    esac
    [[ -z $kind ]] && case "$path:$count" in
{arguments}    esac
    fi
  fi
  case "$kind" in
    '') COMPREPLY=() ;;
    '@files') compopt -o default; COMPREPLY=() ;;
    '@'*) COMPREPLY=($(compgen -W "$(replctl __names "${{kind#@}}" 2>/dev/null)" -- "$cur")) ;;
    *) COMPREPLY=($(compgen -W "$kind" -- "$cur")) ;;
  esac
}}
complete -F _replctl replctl
)sh";

constexpr std::string_view kZsh = R"sh(#compdef replctl
# Completion of replctl for zsh. Load it with: source <(replctl completion zsh)
_replctl() {{
  local cur=${{words[CURRENT]}} path='' word='' kind='' value='' flags='' count=0 i
  for ((i = 2; i < CURRENT; i++)); do
    word=${{words[i]}}
    if [[ -n $value ]]; then value='' kind=''; continue; fi
    case "$path $word" in
{commands}    esac
    if [[ $word == -* ]]; then
    case "$path $word" in
{values}    esac
    else
      ((count++))
    fi
  done
  if [[ -z $value ]]; then
    if [[ $cur == -* ]]; then
    case "$path" in
{options}    esac
      kind="$flags {globals}"
    else
    case "$path" in
{subcommands}    esac
    if [[ -z $kind ]]; then
    case "$path:$count" in
{arguments}    esac
    fi
    fi
  fi
  case "$kind" in
    '') ;;
    '@files') _files ;;
    '@'*) compadd -- ${{(f)"$(replctl __names "${{kind#@}}" 2>/dev/null)"}} ;;
    *) compadd -- ${{(s: :)kind}} ;;
  esac
}}
compdef _replctl replctl
)sh";

// `path` is a special array in zsh, tied to PATH.
std::string for_zsh(std::string text) {
  for (std::size_t at = 0; (at = text.find("$path", at)) != std::string::npos;) text.replace(at, 5, "$at");
  for (std::size_t at = 0; (at = text.find("path=", at)) != std::string::npos;) text.replace(at, 5, "at=");
  return text;
}

std::string fish_values(const CompletionOption& option) {
  const auto kind = kind_of(option);
  if (kind.empty()) return " -x";
  if (kind == "@files") return " -r -F";
  if (kind.starts_with('@')) return fmt::format(" -x -a '(replctl __names {} 2>/dev/null)'", kind.substr(1));
  return " -x -a " + fish_word(kind);
}

std::string fish_names(const CompletionOption& option) {
  std::string out;
  for (const auto& name : option.names) {
    out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  return out;
}

std::string fish_script(const std::vector<CompletionCommand>& commands) {
  std::vector<std::string> paths, with_value;
  std::map<std::string, std::string> summaries;
  for (const auto& c : commands) {
    if (!c.path.empty()) paths.push_back(fish_word(c.path));
    summaries[c.path] = c.summary;
    for (const auto& o : c.options) {
      if (!o.type.empty()) {
        for (const auto& name : o.names) with_value.push_back(name);
      }
    }
  }
  std::sort(with_value.begin(), with_value.end());
  with_value.erase(std::unique(with_value.begin(), with_value.end()), with_value.end());
  std::string out = fmt::format(R"(# Completion of replctl for fish. Load it with: replctl completion fish | source
function __replctl_path
    set -l at ''
    set -l skip ''
    set -l words (commandline -opc)
    for word in $words[2..-1]
        if test -n "$skip"
            set skip ''
        else if contains -- "$at/$word" {}
            set at "$at/$word"
        else if contains -- $word {}
            set skip 1
        end
    end
    echo "$at"
end
function __replctl_at
    test (__replctl_path) = "$argv[1]"
end
complete -c replctl -f
)",
                                join(paths, " "), join(with_value, " "));
  for (const auto& c : commands) {
    const auto condition = c.path.empty() ? std::string{} : fmt::format(" -n \"__replctl_at {}\"", c.path);
    for (const auto& name : c.subcommands) {
      out += fmt::format("complete -c replctl -n \"__replctl_at '{}'\" -a {} -d {}\n", c.path, name,
                         fish_word(summaries[c.path + "/" + name]));
    }
    for (const auto& o : c.options) {
      out += fmt::format("complete -c replctl{}{}{} -d {}\n", condition, fish_names(o),
                         o.type.empty() ? "" : fish_values(o), fish_word(o.summary));
    }
    for (const auto& a : c.arguments) {
      const auto kind = kind_of(a);
      if (kind == "@files") {
        out += fmt::format("complete -c replctl{} -F\n", condition);
      } else if (!kind.empty()) {
        const auto values =
            kind.starts_with('@') ? fmt::format("'(replctl __names {} 2>/dev/null)'", kind.substr(1)) : fish_word(kind);
        out += fmt::format("complete -c replctl{} -a {}\n", condition, values);
      }
    }
  }
  return out;
}

}  // namespace

std::string completion_script(Shell shell, const std::vector<CompletionCommand>& commands) {
  if (shell == Shell::Fish) return fish_script(commands);
  const auto t = shared_tables(commands);
  const auto fill = [&](auto layout) {
    return fmt::format(layout, fmt::arg("commands", t.commands), fmt::arg("values", t.values),
                       fmt::arg("options", t.options), fmt::arg("subcommands", t.subcommands),
                       fmt::arg("arguments", t.arguments), fmt::arg("globals", global_options(commands)));
  };
  return shell == Shell::Bash ? fill(fmt::runtime(kBash)) : for_zsh(fill(fmt::runtime(kZsh)));
}

}  // namespace repl::ctl
