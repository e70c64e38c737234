// Writing and reading of the described structs (codec_fields.hpp) with one visitor each.
#include "store/codec.hpp"

#include <array>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <type_traits>
#include <utility>

#include "model/snapshot_text.hpp"
#include "model/spec_text.hpp"
#include "store/codec_fields.hpp"
#include "store/verify_fields.hpp"

namespace repl::store {
namespace {

using Json = nlohmann::json;

/// What is wrong with a document, thrown only inside of this file.
struct Malformed {
  std::string message;
};

// ---- names of enum values: the model's tables, and four that only the journal needs. Enums without a row have a
// to_string().

inline constexpr std::array kPlugins{
    EnumText{Plugin::SemiSyncSource, "semi-sync-source"},
    EnumText{Plugin::SemiSyncReplica, "semi-sync-replica"},
    EnumText{Plugin::Clone, "clone"},
    EnumText{Plugin::GroupReplication, "group-replication"},
    EnumText{Plugin::PasswordValidation, "password-validation"},
};
static_assert(is_complete(kPlugins, Plugin::PasswordValidation));
inline constexpr std::array kGroupStarts{EnumText{GroupStart::Join, "join"},
                                         EnumText{GroupStart::Bootstrap, "bootstrap"}};
static_assert(is_complete(kGroupStarts, GroupStart::Bootstrap));
inline constexpr std::array kLoggeds{EnumText{Logged::No, "no"}, EnumText{Logged::Yes, "yes"}};
static_assert(is_complete(kLoggeds, Logged::Yes));
inline constexpr std::array kPhases{
    EnumText{Phase::Only, "only"},
    EnumText{Phase::Secure, "secure"},
    EnumText{Phase::Promote, "promote"},
};
static_assert(is_complete(kPhases, Phase::Promote));

template <class E>
inline constexpr std::nullptr_t kNames = nullptr;
template <>
inline constexpr auto kNames<SecretRef::Kind> = kSecretKinds;
template <>
inline constexpr auto kNames<TopologyType> = kTopologyTypes;
template <>
inline constexpr auto kNames<Positioning> = kPositionings;
template <>
inline constexpr auto kNames<DataSyncType> = kDataSyncTypes;
template <>
inline constexpr auto kNames<OnTooFewReplicas> = kOnTooFewReplicas;
template <>
inline constexpr auto kNames<NodeType> = kNodeTypes;
template <>
inline constexpr auto kNames<Promotion> = kPromotions;
template <>
inline constexpr auto kNames<FencingMode> = kFencingModes;
template <>
inline constexpr auto kNames<Rejoin> = kRejoins;
template <>
inline constexpr auto kNames<Compression> = kCompressions;
template <>
inline constexpr auto kNames<CompressionScope> = kCompressionScopes;
template <>
inline constexpr auto kNames<TlsMode> = kTlsModes;
template <>
inline constexpr auto kNames<Provisioning> = kProvisionings;
template <>
inline constexpr auto kNames<Management> = kManagements;
template <>
inline constexpr auto kNames<Drift> = kDrifts;
template <>
inline constexpr auto kNames<Tuning> = kTunings;
template <>
inline constexpr auto kNames<AccountRole> = kAccountRoles;
template <>
inline constexpr auto kNames<ReadOnly> = kReadOnlys;
template <>
inline constexpr auto kNames<ThreadState> = kThreadStates;
template <>
inline constexpr auto kNames<AccountFault> = kAccountFaults;
template <>
inline constexpr auto kNames<HookPoint> = kHookPoints;
template <>
inline constexpr auto kNames<Plugin> = kPlugins;
template <>
inline constexpr auto kNames<GroupStart> = kGroupStarts;
template <>
inline constexpr auto kNames<GroupConsistency> = kGroupConsistencies;
template <>
inline constexpr auto kNames<Logged> = kLoggeds;
template <>
inline constexpr auto kNames<Phase> = kPhases;
template <>
inline constexpr auto kNames<verify::RunState> = verify::kRunStates;
template <>
inline constexpr auto kNames<verify::TableState> = verify::kTableStates;
template <>
inline constexpr auto kNames<verify::FindingKind> = verify::kFindingKinds;

/// The values of these enums count up from 0, and their to_string() answers "?" beyond the last.
template <class E>
inline constexpr bool kSaysQuestionMarkBeyondTheLast =
    std::is_same_v<E, Goal> || std::is_same_v<E, StepState> || std::is_same_v<E, OperationState> ||
    std::is_same_v<E, Severity> || std::is_same_v<E, RevisionState>;

template <class E>
std::string_view enum_name(E value) {
  if constexpr (std::is_same_v<E, ErrorCode> || kSaysQuestionMarkBeyondTheLast<E>) {
    return to_string(value);
  } else {
    return name_in(kNames<E>, value);
  }
}

template <class E>
std::optional<E> enum_from(std::string_view name) {
  if constexpr (std::is_same_v<E, ErrorCode>) {
    return error_code_from(name);
  } else if constexpr (kSaysQuestionMarkBeyondTheLast<E>) {
    for (int i = 0; to_string(static_cast<E>(i)) != "?"; ++i) {
      if (to_string(static_cast<E>(i)) == name) return static_cast<E>(i);
    }
    return std::nullopt;
  } else {
    return value_in(kNames<E>, name);
  }
}

// ---- which kind of value a type is

template <class T>
concept Named = std::is_same_v<T, NodeId> || std::is_same_v<T, ClusterId>;
template <class T>
concept Numbered = std::is_same_v<T, Term> || std::is_same_v<T, Revision>;
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;
template <class T>
inline constexpr bool kIsSet = false;
template <class T>
inline constexpr bool kIsSet<std::set<T>> = true;
template <class T>
inline constexpr bool kIsMap = false;
template <class K, class T>
inline constexpr bool kIsMap<std::map<K, T>> = true;
template <class T>
inline constexpr bool kIsDuration = false;
template <class R, class P>
inline constexpr bool kIsDuration<std::chrono::duration<R, P>> = true;

// ---- writing

template <class T>
Json written(const T& value);

class Writer {
 public:
  template <class T>
  void operator()(const char* key, const T& value) {
    object_[key] = written(value);
  }
  template <class T>
  void added(const char* key, const T& value) {
    (*this)(key, value);
  }
  Json take() { return std::move(object_); }

 private:
  Json object_ = Json::object();
};

template <class T>
Json written(const T& value) {
  if constexpr (std::is_same_v<T, std::string> || std::is_arithmetic_v<T>) {
    return value;
  } else if constexpr (std::is_enum_v<T>) {
    return enum_name(value);
  } else if constexpr (Named<T>) {
    return value.name;
  } else if constexpr (Numbered<T>) {
    return value.number;
  } else if constexpr (std::is_same_v<T, OperationId>) {
    return value.value;
  } else if constexpr (std::is_same_v<T, Time>) {
    return value.time_since_epoch().count();
  } else if constexpr (kIsDuration<T>) {
    return value.count();
  } else if constexpr (std::is_same_v<T, GtidSet>) {
    return value.to_string();
  } else if constexpr (kIsOptional<T>) {
    return value ? written(*value) : Json(nullptr);
  } else if constexpr (kIsVector<T> || kIsSet<T>) {
    Json array = Json::array();
    for (const auto& element : value) array.push_back(written(element));
    return array;
  } else if constexpr (kIsMap<T>) {
    Json object = Json::object();
    for (const auto& [key, element] : value) object[written(key).template get<std::string>()] = written(element);
    return object;
  } else if constexpr (std::is_same_v<T, Step>) {
    Json object = std::visit([](const auto& step) { return written(step); }, value);
    object["name"] = name_of(value);
    return object;
  } else {
    Writer writer;
    fields(writer, const_cast<T&>(value));  // the description serves both directions; Writer takes const references
    return writer.take();
  }
}

// ---- reading

template <class T>
void read(const Json& in, const std::string& where, T& out);

[[noreturn]] void malformed(const std::string& where, std::string_view wanted, const Json& found) {
  const auto text =
      found.is_primitive() ? found.dump(-1, ' ', true, Json::error_handler_t::replace) : found.type_name();
  throw Malformed{fmt::format("{}: wanted {}, found {}", where.empty() ? "/" : where, wanted, text)};
}

class Reader {
 public:
  Reader(const Json& object, const std::string& where) : object_(object), where_(where) {
    if (!object.is_object()) malformed(where, "an object", object);
  }
  template <class T>
  void operator()(const char* key, T& value) {
    const auto found = object_.find(key);
    if (found == object_.end()) throw Malformed{fmt::format("{}: '{}' is missing", where_.empty() ? "/" : where_, key)};
    read(*found, where_ + "/" + key, value);
  }
  /// For members that older documents do not have: these keep the default.
  template <class T>
  void added(const char* key, T& value) {
    if (object_.contains(key)) (*this)(key, value);
  }

 private:
  const Json& object_;
  const std::string& where_;
};

template <class T>
void read_integer(const Json& in, const std::string& where, T& out) {
  if (in.is_number_unsigned()) {
    const auto n = in.get<std::uint64_t>();
    if (std::in_range<T>(n)) return static_cast<void>(out = static_cast<T>(n));
  } else if (in.is_number_integer()) {
    const auto n = in.get<std::int64_t>();
    if (std::in_range<T>(n)) return static_cast<void>(out = static_cast<T>(n));
  }
  malformed(where, fmt::format("an integer of at most {}", std::numeric_limits<T>::max()), in);
}

const std::string& read_string(const Json& in, const std::string& where) {
  if (!in.is_string()) malformed(where, "a string", in);
  return in.get_ref<const std::string&>();
}

template <std::size_t I = 0>
Step step_named(const std::string& name, const Json& in, const std::string& where) {
  if constexpr (I == std::variant_size_v<Step>) {
    throw Malformed{fmt::format("{}: this repld knows no step '{}'; it was written by a newer one", where, name)};
  } else {
    std::variant_alternative_t<I, Step> step{};
    if (name_of(Step{step}) != name) return step_named<I + 1>(name, in, where);
    Reader reader(in, where);
    fields(reader, step);
    return step;
  }
}

template <class T>
void read(const Json& in, const std::string& where, T& out) {
  if constexpr (std::is_same_v<T, std::string>) {
    out = read_string(in, where);
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!in.is_boolean()) malformed(where, "true or false", in);
    out = in.get<bool>();
  } else if constexpr (std::is_integral_v<T>) {
    read_integer(in, where, out);
  } else if constexpr (std::is_enum_v<T>) {
    const auto value = enum_from<T>(read_string(in, where));
    if (!value) malformed(where, "a name that this repld knows", in);
    out = *value;
  } else if constexpr (Named<T>) {
    out.name = read_string(in, where);
  } else if constexpr (Numbered<T>) {
    read_integer(in, where, out.number);
  } else if constexpr (std::is_same_v<T, OperationId>) {
    out.value = read_string(in, where);
  } else if constexpr (std::is_same_v<T, Time>) {
    Time::rep count = 0;
    read_integer(in, where, count);
    out = Time{Time::duration{count}};
  } else if constexpr (kIsDuration<T>) {
    typename T::rep count = 0;
    read_integer(in, where, count);
    out = T{count};
  } else if constexpr (std::is_same_v<T, GtidSet>) {
    auto set = GtidSet::parse(read_string(in, where));
    if (!set) throw Malformed{fmt::format("{}: {}", where, set.error().message)};
    out = std::move(*set);
  } else if constexpr (kIsOptional<T>) {
    if (in.is_null()) {
      out.reset();
    } else {
      read(in, where, out.emplace());
    }
  } else if constexpr (kIsVector<T> || kIsSet<T>) {
    if (!in.is_array()) malformed(where, "a list", in);
    for (std::size_t i = 0; i < in.size(); ++i) {
      typename T::value_type element{};
      read(in[i], fmt::format("{}/{}", where, i), element);
      out.insert(out.end(), std::move(element));
    }
  } else if constexpr (kIsMap<T>) {
    if (!in.is_object()) malformed(where, "an object", in);
    for (const auto& [name, element] : in.items()) {
      typename T::key_type key{};
      read(Json(name), where, key);
      read(element, where + "/" + name, out[key]);
    }
  } else if constexpr (std::is_same_v<T, Step>) {
    std::string name;
    Reader(in, where)("name", name);
    out = step_named(name, in, where);
  } else {
    Reader reader(in, where);
    fields(reader, out);
  }
}

}  // namespace

template <class T>
std::string encode(const T& value) {
  return written(value).dump(-1, ' ', false, Json::error_handler_t::replace);
}

template <class T>
Result<T> decode(std::string_view text) {
  try {
    T out{};
    read(Json::parse(text), "", out);
    return out;
  } catch (const Malformed& e) {
    return fail(ErrorCode::StoreFailed, "a stored document cannot be read: {}", e.message);
  } catch (const Json::exception& e) {
    return fail(ErrorCode::StoreFailed, "a stored document is not JSON: {}", e.what());
  }
}

template std::string encode(const Memory&);
template std::string encode(const Operation&);
template std::string encode(const Plan&);
template std::string encode(const Step&);
template std::string encode(const Spec&);
template std::string encode(const Office&);
template std::string encode(const Event&);
template std::string encode(const AppliedRevision&);
template std::string encode(const verify::Run&);
template std::string encode(const verify::TableProgress&);
template std::string encode(const verify::Finding&);
template Result<Memory> decode(std::string_view);
template Result<Operation> decode(std::string_view);
template Result<Plan> decode(std::string_view);
template Result<Step> decode(std::string_view);
template Result<Spec> decode(std::string_view);
template Result<Office> decode(std::string_view);
template Result<Event> decode(std::string_view);
template Result<AppliedRevision> decode(std::string_view);
template Result<verify::Run> decode(std::string_view);
template Result<verify::TableProgress> decode(std::string_view);
template Result<verify::Finding> decode(std::string_view);

}  // namespace repl::store
