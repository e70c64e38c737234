// Certificates for tests, made by the openssl program: two authorities, and servers' certificates of either.
#pragma once

#include <filesystem>
#include <string>

namespace repl::testing {

class Certificates {
 public:
  struct Pair {
    std::filesystem::path certificate, key;
  };
  enum class SignedBy { Ours, Another };

  /// In a new temporary folder, which goes with it. @throws std::runtime_error with what openssl said
  Certificates();
  ~Certificates();
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  std::filesystem::path authority(SignedBy by = SignedBy::Ours) const;
  /// @param alternative_name  "IP:127.0.0.1", "DNS:db1"
  Pair made_out_to(const std::string& alternative_name, SignedBy by = SignedBy::Ours);

 private:
  std::filesystem::path folder_;
  int made_ = 0;
};

}  // namespace repl::testing
