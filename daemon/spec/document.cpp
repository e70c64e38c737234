// Builds trees from the events of yaml-cpp's parser. Its Node is not used: it keeps neither places of null values nor
// duplicate keys, and drops everything when a later document is broken.
#include "spec/document.hpp"

#include <fmt/format.h>
#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

namespace repl::spec {
namespace {

Mark mark_of(const YAML::Mark& mark) {
  return {mark.line + 1, mark.column + 1};
}

/// yaml-cpp's messages that do not tell a reader what to do, and ours. Source: yaml-cpp 0.7, exceptions.h.
struct Translation {
  std::string_view theirs;
  std::string_view ours;
};
constexpr std::array kTranslations{
    Translation{"illegal map value",
                "a \": \" where no value can begin: put a text that contains one in quotes, or "
                "indent the line like its neighbours"},
    Translation{"end of map not found", "this line does not belong to the block above: indent it like its neighbours"},
    Translation{"end of sequence not found", "this line does not belong to the list above: indent it like its items"},
    Translation{"end of map flow not found", "a mapping that was opened with \"{\" is not closed before this place"},
    Translation{"end of sequence flow not found", "a list that was opened with \"[\" is not closed before this place"},
    Translation{"unknown token", "no value can begin with this character: put the text in quotes"},
    Translation{"the referenced anchor is not defined",
                "this alias (*name) has no anchor (&name) above it in its document"},
    Translation{"bad file", "the nesting is too deep for a topology file"},
};

std::string explain(const std::string& theirs, std::string_view line) {
  if (line.substr(0, line.find_first_not_of(" \t")).find('\t') != std::string_view::npos) {
    return "not valid YAML: this line is indented with a tab; YAML takes spaces only";
  }
  const auto* row = std::find_if(kTranslations.begin(), kTranslations.end(),
                                 [&](const Translation& t) { return t.theirs == theirs; });
  return fmt::format("not valid YAML: {}", row == kTranslations.end() ? theirs : row->ours);
}

/// Every line of the text, without its end.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (true) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

/// How many bytes the UTF-8 character at the start of `text` has; 0 when there is none, or one that no text may have.
std::size_t character_length(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = byte(0);
  if (first < 0x80) return first >= 0x20 || first == '\t' || first == '\n' || first == '\r' ? 1 : 0;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool no_character = (first == 0xed && byte(1) >= 0xa0) || (first == 0xf4 && byte(1) >= 0x90);
  return overlong || no_character ? 0 : length;
}

/// The first place that is not readable text.
std::optional<Complaint> unreadable(std::string_view text) {
  Mark at{1, 1};
  while (!text.empty()) {
    const auto length = character_length(text);
    if (length == 0) {
      return Complaint{at, fmt::format("byte 0x{:02x} is no UTF-8 text: save the file as UTF-8, without control "
                                       "characters",
                                       static_cast<unsigned char>(text.front()))};
    }
    at = text.front() == '\n' ? Mark{at.line + 1, 1} : Mark{at.line, at.column + static_cast<int>(length)};
    text.remove_prefix(length);
  }
  return std::nullopt;
}

class Builder : public YAML::EventHandler {
 public:
  explicit Builder(std::string_view text) : lines_(lines_of(text)) {}

  Document take() { return std::exchange(document_, {}); }
  /// A quote of the document was never closed: whatever is wrong behind it follows from that.
  bool lost_its_way() const { return open_quote_; }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override { document_ = {}; }
  void OnDocumentEnd() override { anchors_.clear(); }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(std::make_shared<Tree>(Tree{.kind = Tree::Kind::Null, .at = place_of_null(mark_of(mark))}), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      document_.complaints.push_back({mark_of(mark), "this alias stands inside the value that it refers to"});
      add(std::make_shared<Tree>(Tree{.kind = Tree::Kind::Null, .at = mark_of(mark)}), YAML::NullAnchor);
    } else {
      place(found->second, mark_of(mark));
    }
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto tree = std::make_shared<Tree>(Tree{.kind = Tree::Kind::Scalar, .at = mark_of(mark)});
    tree->text = value;
    tree->quoted = tag == "!";
    if (tree->quoted && !is_closed(tree->at)) {
      document_.complaints.push_back({tree->at, "the quote that opens here is never closed"});
      open_quote_ = true;
    }
    add(std::move(tree), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open_.push_back({std::make_shared<Tree>(Tree{.kind = Tree::Kind::Sequence, .at = mark_of(mark)}), anchor});
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open_.push_back({std::make_shared<Tree>(Tree{.kind = Tree::Kind::Mapping, .at = mark_of(mark)}), anchor});
  }
  void OnMapEnd() override {
    merge(open_.back());
    close();
  }

 private:
  struct Open {
    std::shared_ptr<Tree> tree;
    YAML::anchor_t anchor = YAML::NullAnchor;
    TreePtr key;  ///< Of a mapping: read, and its value is still to come.
    Mark key_at;
    std::vector<std::pair<Mark, TreePtr>> merges;  ///< Values of "<<" and where the keys stood.
  };

  /// The parser gives the place behind, often the next line: shown is the field without a value, or the lone "-".
  Mark place_of_null(Mark behind) const {
    if (open_.empty()) return behind;
    if (open_.back().tree->kind == Tree::Kind::Mapping)
      return open_.back().key == nullptr ? behind : open_.back().key_at;
    for (auto line = std::min(static_cast<std::size_t>(behind.line), lines_.size()); line > 0; --line) {
      const auto before = line == static_cast<std::size_t>(behind.line)
                              ? lines_[line - 1].substr(0, static_cast<std::size_t>(behind.column) - 1)
                              : lines_[line - 1];
      const auto dash = before.find_last_not_of(" \t\r");
      if (dash != std::string_view::npos) return {static_cast<int>(line), static_cast<int>(dash) + 1};
    }
    return behind;
  }

  void close() {
    const auto done = open_.back();
    open_.pop_back();
    add(done.tree, done.anchor);
  }

  void add(const TreePtr& tree, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = tree;
    place(tree, tree->at);
  }

  /// Puts a finished value where it belongs: root, next item, next key or value of that key.
  void place(const TreePtr& tree, Mark at) {
    if (open_.empty()) {
      document_.root = tree;
      return;
    }
    auto& parent = open_.back();
    if (parent.tree->kind == Tree::Kind::Sequence) {
      parent.tree->items.push_back(tree);
    } else if (parent.key == nullptr) {
      parent.key = tree;
      parent.key_at = at;
    } else {
      put(parent, std::exchange(parent.key, nullptr), tree);
    }
  }

  void put(Open& parent, const TreePtr& key, const TreePtr& value) {
    if (key->kind != Tree::Kind::Scalar) {
      document_.complaints.push_back({parent.key_at, "the name of a field must be a text"});
    } else if (key->text == "<<" && !key->quoted) {
      parent.merges.emplace_back(parent.key_at, value);
    } else if (const auto* first = parent.tree->find(key->text)) {
      document_.complaints.push_back(
          {parent.key_at,
           fmt::format("\"{}\" stands here a second time; line {} has it already", key->text, first->at.line)});
    } else {
      parent.tree->entries.push_back({key->text, parent.key_at, value});
    }
  }

  /// Own keys win over merged ones, earlier merges over later ones.
  void merge(Open& map) {
    for (const auto& [at, value] : map.merges) {
      const auto parts = value->kind == Tree::Kind::Sequence ? value->items : std::vector<TreePtr>{value};
      for (const auto& part : parts) {
        if (part->kind != Tree::Kind::Mapping) {
          document_.complaints.push_back({at, "\"<<\" takes a mapping, as in \"<<: *name\""});
          continue;
        }
        for (const auto& entry : part->entries) {
          if (map.tree->find(entry.key) == nullptr) map.tree->entries.push_back(entry);
        }
      }
    }
  }

  /// Whether the quote at `at` has its end. yaml-cpp 0.7 takes the rest of the file for the text instead.
  bool is_closed(Mark at) const {
    if (static_cast<std::size_t>(at.line) > lines_.size()) return true;
    auto rest = lines_[static_cast<std::size_t>(at.line) - 1];
    const auto start = static_cast<std::size_t>(at.column) - 1;
    if (start >= rest.size() || (rest[start] != '"' && rest[start] != '\'')) return true;  // a block scalar: | or >
    const char quote = rest[start];
    rest.remove_prefix(start + 1);
    for (auto line = static_cast<std::size_t>(at.line);; ++line) {
      for (std::size_t i = 0; i < rest.size(); ++i) {
        if (rest[i] == quote) return true;
        if (rest[i] == '\\' && quote == '"') ++i;
      }
      if (line >= lines_.size()) return false;
      rest = lines_[line];
    }
  }

  std::vector<std::string_view> lines_;
  Document document_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, TreePtr> anchors_;
  bool open_quote_ = false;
};

}  // namespace

Documents read_documents(std::string_view text) {
  Documents out;
  if (const auto complaint = unreadable(text)) {
    out.syntax.push_back(*complaint);
    return out;
  }
  std::istringstream in{std::string{text}};
  Builder builder{text};
  try {
    YAML::Parser parser{in};
    while (parser.HandleNextDocument(builder)) {
      auto document = builder.take();
      if (document.root != nullptr && document.root->kind != Tree::Kind::Null) {
        out.complete.push_back(std::move(document));
      }
    }
  } catch (const YAML::Exception& e) {
    const auto at = mark_of(e.mark);
    const auto lines = lines_of(text);
    const auto line =
        static_cast<std::size_t>(at.line) <= lines.size() ? lines[static_cast<std::size_t>(at.line) - 1] : "";
    if (!builder.lost_its_way()) out.syntax.push_back({at, explain(e.msg, line)});
    for (auto& complaint : builder.take().complaints) out.syntax.push_back(std::move(complaint));
  }
  return out;
}

}  // namespace repl::spec
