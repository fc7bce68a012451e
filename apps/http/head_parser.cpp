#include "apps/http/head_parser.hpp"

#include <boost/beast/http/basic_parser.hpp>

#include <limits>

namespace troupe::http {

namespace {

namespace beast = boost::beast;

std::string_view std_view(beast::string_view v) noexcept {
  return {v.data(), v.size()};
}

class head_parser final : public beast::http::basic_parser<true> {
public:
  explicit head_parser(request& out) : out_{out} {
    header_limit(std::numeric_limits<std::uint32_t>::max()); // the scanner has seen to that
    body_limit(std::numeric_limits<std::uint64_t>::max());   // the session sees to that
  }

  framing::expectation expects = framing::expectation::none;

private:
  using error_code = beast::error_code;
  using view = beast::string_view;

  void on_request_impl(beast::http::verb, view method, view target, int version, error_code&) override {
    out_.method = std_view(method);
    out_.target = std_view(target);
    out_.version = version;
  }

  void on_field_impl(beast::http::field known, view name, view value, error_code&) override {
    if (known == beast::http::field::expect) {
      using expectation = framing::expectation;
      expects = beast::iequals(value, "100-continue") ? expectation::go_on : expectation::unknown;
    }
    out_.fields.push_back({std_view(name), std_view(value)});
  }

  // The rest is of answers and of bodies, which are not parsed here.
  void on_response_impl(int, view, int, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(view, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, view, error_code&) override { return 0; }
  void on_finish_impl(error_code&) override {}

  request& out_;
};

} // namespace

framing parse_head(std::string& head, request& out) {
  out.fields.clear();
  if (auto line_end = head.find("\r\n"); line_end != std::string::npos && line_end > 0 && head[line_end - 1] > '1')
    head[line_end - 1] = '1';
  head_parser parser{out};
  beast::error_code error;
  auto used = parser.put(boost::asio::const_buffer{head.data(), head.size()}, error);
  if (error || used != head.size() || !parser.is_header_done())
    return {};
  auto question = out.target.find('?');
  out.path = out.target.substr(0, question);
  out.query = question == std::string_view::npos ? std::string_view{} : out.target.substr(question + 1);
  auto expects = out.version == 10 ? framing::expectation::none : parser.expects;
  return {true, parser.keep_alive(), parser.chunked(), parser.content_length().value_or(0), expects};
}

std::optional<std::string_view> request::find(std::string_view name) const noexcept {
  for (const auto& f : fields)
    if (f.name.size() == name.size() && beast::iequals({f.name.data(), f.name.size()}, {name.data(), name.size()}))
      return f.value;
  return std::nullopt;
}

std::string request::joined(std::string_view name) const {
  std::string out;
  bool first = true;
  for (const auto& f : fields) {
    if (!beast::iequals({f.name.data(), f.name.size()}, {name.data(), name.size()}))
      continue;
    if (!first)
      out += ", ";
    first = false;
    out += f.value;
  }
  return out;
}

} // namespace troupe::http
