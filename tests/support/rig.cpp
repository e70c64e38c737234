// Starting, asking and ending the product under test.
#include "tests/support/rig.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

extern char** environ;

namespace repl::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (auto& w : words) out.push_back(w.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment_with(const std::vector<std::string>& more) {
  std::vector<std::string> out = more;
  for (char** e = environ; *e != nullptr; ++e) out.emplace_back(*e);
  return out;
}

std::string tail(const fs::path& file, std::size_t bytes) {
  std::ifstream in{file, std::ios::binary};
  std::stringstream all;
  all << in.rdbuf();
  auto text = all.str();
  if (text.size() > bytes) text.erase(0, text.size() - bytes);
  return text;
}

fs::path temporary_folder() {
  std::string name = (fs::temp_directory_path() / "repld-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  return name;
}

}  // namespace

bool comes_true(const std::function<bool()>& condition, seconds within) {
  const auto deadline = steady_clock::now() + within;
  while (!condition()) {
    if (steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds{20});
  }
  return true;
}

fs::path own_folder() {
  return fs::read_symlink("/proc/self/exe").parent_path();
}

Outcome run_program(const std::vector<std::string>& command, const std::vector<std::string>& environment) {
  std::array<int, 2> out{}, err{};
  if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(err.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_adddup2(&actions, err[1], 2);
  auto words = command;
  auto variables = environment_with(environment);
  pid_t pid = -1;
  const int failed = ::posix_spawn(&pid, command.front().c_str(), &actions, nullptr, pointers(words).data(),
                                   pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  ::close(out[1]);
  ::close(err[1]);
  if (failed != 0) throw std::runtime_error("cannot start " + command.front());
  Outcome outcome;
  std::array<pollfd, 2> ends{pollfd{out[0], POLLIN, 0}, pollfd{err[0], POLLIN, 0}};
  const std::array<std::string*, 2> texts{&outcome.output, &outcome.errors};
  int open = 2;
  while (open > 0 && ::poll(ends.data(), ends.size(), -1) >= 0) {
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      std::array<char, 4096> buffer{};
      const auto n = ::read(ends[i].fd, buffer.data(), buffer.size());
      if (n > 0) {
        texts[i]->append(buffer.data(), static_cast<std::size_t>(n));
      } else {
        ends[i].fd = -1;
        --open;
      }
    }
  }
  ::close(out[0]);
  ::close(err[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

Repld::Repld(const fs::path& binaries) : binaries_(binaries), folder_(temporary_folder()) {
  fs::create_directory(hooks());
  fs::permissions(hooks(), fs::perms{0755});
  std::ofstream{folder_ / "repld.yaml"} << "hooks: { directory: hooks }\n";
  start();
}

Repld::~Repld() {
  stop();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void Repld::start(const std::vector<std::string>& environment) {
  fs::remove(state() / "address");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log().c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  std::vector<std::string> words{(binaries_ / "repld").string(),
                                 "--config",
                                 (folder_ / "repld.yaml").string(),
                                 "--state-dir",
                                 state().string(),
                                 "--listen",
                                 "127.0.0.1:0"};
  auto variables = environment_with(environment);
  const int failed = ::posix_spawn(&pid_, words.front().c_str(), &actions, nullptr, pointers(words).data(),
                                   pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("cannot start " + words.front());
  const auto deadline = steady_clock::now() + seconds{20};
  while (!fs::exists(state() / "address")) {
    if (steady_clock::now() > deadline || ::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      throw std::runtime_error("repld does not come up:\n" + tail(log(), 2000));
    }
    std::this_thread::sleep_for(milliseconds{10});
  }
}

void Repld::add_hook(const std::string& name, const std::string& text) const {
  std::ofstream{hooks() / name} << text;
  fs::permissions(hooks() / name, fs::perms{0755});
}

bool Repld::died() {
  if (pid_ <= 0 || ::waitpid(pid_, nullptr, WNOHANG) != pid_) return false;
  pid_ = -1;
  return true;
}

void Repld::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void Repld::stop() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  const auto deadline = steady_clock::now() + seconds{20};
  while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (steady_clock::now() > deadline) return kill();
    std::this_thread::sleep_for(milliseconds{10});
  }
  pid_ = -1;
}

Repld::Usage Repld::usage() const {
  Usage usage;
  const fs::path proc = fs::path{"/proc"} / std::to_string(pid_);
  std::ifstream stat{proc / "stat"};
  std::string line;
  std::getline(stat, line);
  std::istringstream fields{line.substr(line.rfind(')') + 2)};
  std::string field;
  for (int i = 3; i <= 15 && fields >> field; ++i) {
    if (i == 14 || i == 15) usage.cpu_seconds += std::stod(field) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }
  std::ifstream status{proc / "status"};
  while (std::getline(status, line)) {
    if (line.starts_with("VmRSS:")) usage.resident_bytes = std::stoull(line.substr(6)) * 1024;
  }
  usage.open_files =
      static_cast<std::size_t>(std::distance(fs::directory_iterator{proc / "fd"}, fs::directory_iterator{}));
  return usage;
}

namespace {
ctl::sandbox::TemporarySandbox make_sandbox(const ctl::sandbox::UpOptions& options) {
  auto made = ctl::sandbox::Sandbox::up(options);
  if (!made) throw std::runtime_error(made.error().message);
  return ctl::sandbox::TemporarySandbox{std::move(*made)};
}
}  // namespace

Rig::Rig(const ctl::sandbox::UpOptions& options, fs::path binaries)
    : binaries_(binaries.empty() ? own_folder() : std::move(binaries)),
      sandbox_(make_sandbox(options)),
      repld_(binaries_) {}

fs::path Rig::topology_file() const {
  return sandbox_->folder().topology();
}

std::vector<WriterNode> Rig::writer_nodes() const {
  std::vector<WriterNode> out;
  for (const auto& node : sandbox_->nodes()) out.push_back({node.name, node.port});
  return out;
}

std::string Rig::application_password() const {
  auto text = tail(sandbox_->folder().secret("app"), 4096);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

Outcome Rig::replctl(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), (binaries_ / "replctl").string());
  std::ifstream address{repld_.state() / "address"};
  std::string server;
  std::getline(address, server);
  if (!server.starts_with("http")) server = "http://" + server;
  return run_program(arguments,
                     {"REPLCTL_SERVER=" + server, "REPLCTL_TOKEN_FILE=" + (repld_.state() / "token").string()});
}

nlohmann::json Rig::replctl_json(std::vector<std::string> arguments) const {
  arguments.insert(arguments.end(), {"-o", "json"});
  return nlohmann::json::parse(replctl(std::move(arguments)).output, nullptr, false);
}

nlohmann::json Rig::status() const {
  return replctl_json({"status", cluster()});
}

std::string Rig::primary() const {
  const auto s = status();
  return s.is_object() && s.contains("primary") && s["primary"].is_string() ? s["primary"].get<std::string>() : "";
}

nlohmann::json Rig::node(const std::string& name) const {
  const auto s = status();
  if (s.is_object() && s.contains("nodes")) {
    for (const auto& n : s["nodes"]) {
      if (n.value("name", "") == name) return n;
    }
  }
  return {};
}

std::string Rig::ask(const std::string& node, const std::string& sql) const {
  auto session = sandbox().root_session(node);
  if (!session) return session.error().message;
  const auto rows = session->query(sql);
  if (!rows) return rows.error().message;
  return rows->empty() ? "" : rows->front().front().value_or("NULL");
}

std::string Rig::why_not(const std::string& problem) const {
  const auto answer = replctl_json({"problems", cluster()});
  for (const auto& p : answer["problems"]) {
    if (p["name"] == problem) return p.value("blocked", "");
  }
  return "";
}

bool Rig::wait_for(const std::function<bool(const nlohmann::json&)>& condition, seconds within) const {
  const auto deadline = steady_clock::now() + within;
  do {
    const auto s = status();
    if (s.is_object() && s.contains("nodes") && condition(s)) return true;
    std::this_thread::sleep_for(milliseconds{100});
  } while (steady_clock::now() < deadline);
  return false;
}

bool Rig::wait_until_whole(seconds within) const {
  return wait_for(
      [](const nlohmann::json& s) {
        return s["operation"].is_null() && s["problemList"].empty() && s["primary"].is_string() &&
               std::all_of(s["nodes"].begin(), s["nodes"].end(), [](const nlohmann::json& n) {
                 const auto& lag = n["lagSeconds"];
                 return n.value("state", "") == "ok" && (lag.is_null() || lag.get<double>() < 0.5);
               });
      },
      within);
}

std::string Rig::story() const {
  return replctl({"status", cluster()}).output + replctl({"events", cluster()}).output + "\n--- repld.log\n" +
         tail(repld_.log(), 6000);
}

}  // namespace repl::testing
