// Calls openssl.
#include "tests/support/certificates.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace repl::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNewKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

void openssl(const fs::path& folder, const std::string& arguments) {
  const auto log = folder / "openssl.log";
  if (std::system(("cd " + folder.string() + " && openssl " + arguments + " >openssl.log 2>&1").c_str()) == 0) return;
  std::ostringstream said;
  said << std::ifstream{log}.rdbuf();
  throw std::runtime_error("openssl " + arguments + ": " + said.str());
}

std::string stem_of(Certificates::SignedBy by) {
  return by == Certificates::SignedBy::Ours ? "ours" : "another";
}

}  // namespace

Certificates::Certificates() {
  std::string name = (fs::temp_directory_path() / "certificates-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  folder_ = name;
  for (const auto by : {SignedBy::Ours, SignedBy::Another}) {
    const auto stem = stem_of(by);
    openssl(folder_, std::string{"req -x509 -days 2 -subj /CN="} + stem + " " + kNewKey + " -keyout " + stem +
                         ".key -out " + stem + ".pem");
  }
}

Certificates::~Certificates() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

fs::path Certificates::authority(SignedBy by) const {
  return folder_ / (stem_of(by) + ".pem");
}

Certificates::Pair Certificates::made_out_to(const std::string& alternative_name, SignedBy by) {
  const auto name = "server" + std::to_string(++made_);
  std::ofstream{folder_ / (name + ".ext")} << "subjectAltName=" << alternative_name << "\n";
  openssl(folder_,
          std::string{"req -subj /CN="} + name + " " + kNewKey + " -keyout " + name + ".key -out " + name + ".csr");
  openssl(folder_, "x509 -req -days 2 -in " + name + ".csr -CA " + stem_of(by) + ".pem -CAkey " + stem_of(by) +
                       ".key -CAcreateserial -extfile " + name + ".ext -out " + name + ".pem");
  return {folder_ / (name + ".pem"), folder_ / (name + ".key")};
}

}  // namespace repl::testing
