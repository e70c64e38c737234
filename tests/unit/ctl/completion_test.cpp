// The completion scripts: that shells accept them, and that they complete.
#include "ctl/completion.hpp"

#include <gtest/gtest.h>
#include <array>
#include <cstdio>

#include "replctl_fixture.hpp"

namespace repl::ctl {
namespace {

/// What `command` prints; it must end well.
std::string output_of(const std::string& command) {
  std::string out;
  auto* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> buffer{};
  while (const auto got = std::fread(buffer.data(), 1, buffer.size(), pipe)) out.append(buffer.data(), got);
  EXPECT_EQ(::pclose(pipe), 0) << command << '\n' << out;
  return out;
}

bool has(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0;
}

class Completion : public ReplctlTest {
 protected:
  std::string script(const std::string& shell) {
    const auto ran = replctl({"completion", shell});
    EXPECT_EQ(ran.code, 0) << ran.err;
    return write("script." + shell, ran.out);
  }

  /// What bash offers behind `words`, the last of which is being typed; `replctl __names` gives fixed names.
  std::string offered(const std::vector<std::string>& words) {
    std::string typed;
    for (const auto& word : words) typed += " '" + word + "'";
    const auto program =
        write("try.sh", "compopt() { :; }\nreplctl() { echo \"$2-1\"; echo \"$2-2\"; }\n. '" + script("bash") +
                            "'\nCOMP_WORDS=(replctl" + typed + ")\nCOMP_CWORD=" + std::to_string(words.size()) +
                            "\n_replctl\necho \"${COMPREPLY[*]}\"\n");
    return output_of("bash --norc " + program);
  }
};

TEST_F(Completion, IsAcceptedByBash) {
  EXPECT_EQ(output_of("bash -n " + script("bash")), "");
}

TEST_F(Completion, IsAcceptedByZsh) {
  if (!has("zsh")) GTEST_SKIP() << "zsh is not installed";
  EXPECT_EQ(output_of("zsh -n " + script("zsh")), "");
}

TEST_F(Completion, IsAcceptedByFish) {
  if (!has("fish")) GTEST_SKIP() << "fish is not installed";
  EXPECT_EQ(output_of("fish --no-execute " + script("fish")), "");
}

TEST_F(Completion, OffersCommands) {
  EXPECT_EQ(offered({"st"}), "status\n");
  EXPECT_EQ(offered({"his"}), "history\n");
  EXPECT_EQ(offered({"--server", "http://x", "st"}), "status\n");
}

TEST_F(Completion, OffersOptionsOfTheCommandAndGlobalOnes) {
  EXPECT_EQ(offered({"apply", "--dr"}), "--dry-run\n");
  EXPECT_EQ(offered({"apply", "--no-w"}), "--no-wait\n");
  EXPECT_EQ(offered({"status", "--outp"}), "--output\n");
  EXPECT_EQ(offered({"--outp"}), "--output\n");
}

TEST_F(Completion, OffersTheValuesOfAnOption) {
  EXPECT_EQ(offered({"-o", ""}), "table wide json yaml tsv\n");
  EXPECT_EQ(offered({"status", "shop", "-o", "j"}), "json\n");
  EXPECT_EQ(offered({"switchover", "shop", "--to", ""}), "nodes-1 nodes-2\n");
  EXPECT_EQ(offered({"completion", "z"}), "zsh\n");
}

TEST_F(Completion, OffersNamesFromRepld) {
  EXPECT_EQ(offered({"status", ""}), "clusters-1 clusters-2\n");
  EXPECT_EQ(offered({"status", "-w", "clusters-2"}), "clusters-2\n");
  EXPECT_EQ(offered({"operation", ""}), "operations-1 operations-2\n");
}

TEST_F(Completion, LeavesFilesToTheShell) {
  EXPECT_EQ(offered({"apply", ""}), "\n");
}

TEST_F(Completion, AsksRepldForNamesAndIsSilentWithoutIt) {
  repld_.on("GET", "/api/v1/clusters", {{"clusters", {{{"cluster", "shop"}}, {{"cluster", "payments"}}}}});
  repld_.on("GET", "/api/v1/nodes", {{"nodes", {{{"name", "db1"}}, {{"name", "db2"}}, {{"name", "db1"}}}}});
  EXPECT_EQ(replctl({"__names", "clusters"}).out, "payments\nshop\n");
  EXPECT_EQ(replctl({"__names", "nodes"}).out, "db1\ndb2\n");
  repld_.on("GET", "/api/v1/clusters",
            {{"clusters", {{{"cluster", "shop"}, {"revision", 2}}, {{"cluster", "payments"}, {"revision", 3}}}}});
  EXPECT_EQ(replctl({"__names", "revisions"}).out, "1\n2\n3\n");
  const auto without = replctl({"__names", "operations"});
  EXPECT_EQ(without.code, 0);
  EXPECT_EQ(without.out + without.err, "");
}

}  // namespace
}  // namespace repl::ctl
