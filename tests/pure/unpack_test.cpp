// Uploads that are unpacked as they arrive.
#define TEST_SUITE unpack
#include "tests/support/test.hpp"

#include "apps/warmer/unpack.hpp"
#include "tests/support/objects.hpp"

#include <zlib.h>

using namespace troupe;

namespace {

constexpr std::int64_t plenty = 1 << 30;

std::string packed(std::string_view text, int level = Z_DEFAULT_COMPRESSION) {
  z_stream z{};
  deflateInit2(&z, level, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, text.size()) + 64, '\0');
  std::string in{text};
  z.next_in = reinterpret_cast<Bytef*>(in.data());
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

struct unpacked {
  std::string text;
  std::string failed;
  bool packed = false;
};

unpacked unpack(std::string_view file, std::size_t chunk, std::int64_t most = plenty) {
  unpacked out;
  unpacker u{most};
  const auto sink = [&](std::string_view bytes) -> result<void> {
    CHECK(!bytes.empty());
    out.text += bytes;
    return ok();
  };
  for (std::size_t at = 0; at < file.size() && out.failed.empty(); at += chunk)
    if (const auto fed = u.feed(file.substr(at, chunk), sink); !fed)
      out.failed = fed.error().message;
  if (const auto ended = u.finish(); !ended)
    out.failed = ended.error().message;
  out.packed = u.packed();
  CHECK_EQ(u.plain_bytes(), static_cast<std::int64_t>(out.text.size()));
  return out;
}

} // namespace

TEST(plain bytes pass as they are however they are cut) {
  for (const auto* text : {"", "a", "Title,Author\nDune,Frank Herbert\n", "\x1f", "\x1f\x1f\x8b", "\x1fx"})
    for (const std::size_t chunk : {1, 2, 3, 100}) {
      const auto got = unpack(text, chunk);
      CHECK(!got.packed);
      if (std::string_view{text} == "\x1f") // it begins as gzip does, and no table is one control character
        CHECK_EQ(got.failed, "the gzip file is cut off");
      else
        CHECK_EQ(got.text, text);
    }
}

TEST(a packed file is unpacked however it is cut) {
  for (const auto& text : {std::string{}, std::string{"x"}, std::string(300'000, 'y'), test::patterned(200'000)})
    for (const std::size_t chunk : {1, 7, 4096, 1 << 20}) {
      const auto got = unpack(packed(text), chunk);
      CHECK(got.packed);
      CHECK_EQ(got.failed, "");
      CHECK(got.text == text);
    }
}

TEST(the members of a file are unpacked one after the other and zeros behind them are padding) {
  const auto file = packed("Title\n") + packed("") + packed("Dune\n") + packed("Emma\n");
  for (const std::size_t chunk : {1, 2, 5, 1000}) {
    CHECK_EQ(unpack(file, chunk).text, "Title\nDune\nEmma\n");
    const auto padded = unpack(file + std::string(512, '\0'), chunk);
    CHECK_EQ(padded.text, "Title\nDune\nEmma\n");
    CHECK_EQ(padded.failed, "");
  }
}

TEST(a file that is cut off anywhere is told from a whole one) {
  const auto file = packed("Title,Author\nDune,Frank Herbert\n");
  for (std::size_t size = 1; size < file.size(); ++size)
    CHECK_EQ(unpack(std::string_view{file}.substr(0, size), 16).failed, "the gzip file is cut off");
  CHECK_EQ(unpack(file + file.substr(0, 1), 16).failed, "the gzip file is cut off");
  CHECK_EQ(unpack(file + file.substr(0, 9), 16).failed, "the gzip file is cut off");
}

TEST(a byte that has changed is noticed) {
  const auto text = test::patterned(2'000);
  const auto file = packed(text, Z_NO_COMPRESSION);
  // Bytes 4 to 9 of the header are the time, hints, and the system: nothing that the content hangs on.
  for (std::size_t i = 10; i < file.size(); ++i) {
    auto changed = file;
    changed[i] = static_cast<char>(changed[i] ^ 0x01);
    CHECK(unpack(changed, 512).failed.starts_with("the gzip file is"));
  }
}

TEST(what stands behind the last member is damage) {
  const auto file = packed("Title\n");
  for (const auto* rest : {"x", "\x1fx", "Dune"})
    CHECK_EQ(unpack(file + rest, 3).failed, "the gzip file is damaged: something else stands behind its end");
  CHECK_EQ(unpack(file + std::string(3, '\0') + "x", 4).failed,
    "the gzip file is damaged: something else stands behind its end");
}

TEST(a file that unpacks to more than is allowed ends there) {
  const auto bomb = packed(std::string(50'000'000, '\0'), Z_BEST_COMPRESSION);
  CHECK(bomb.size() < 100'000);
  const auto got = unpack(bomb, 4096, 1'000'000);
  CHECK_EQ(got.failed, "the gzip file unpacks to more than 1000000 bytes");
  CHECK(got.text.size() <= 1'000'000);
  CHECK_EQ(unpack(packed(std::string(1'000, 'x')), 100, 1'000).text.size(), 1'000u);
  // All members together
  CHECK(!unpack(packed(std::string(600, 'x')) + packed(std::string(600, 'x')), 100, 1'000).failed.empty());
  // A plain file has been counted by whoever took it
  CHECK_EQ(unpack(std::string(2'000, 'x'), 100, 1'000).failed, "");
}

TEST(an error of the sink ends the unpacking and stays) {
  for (const auto& file : {packed("Title\n"), std::string{"Title\n"}}) {
    unpacker u{plenty};
    int calls = 0;
    const plain_sink sink = [&](std::string_view) -> result<void> {
      ++calls;
      return fail(ec::cancelled, "enough");
    };
    const auto fed = u.feed(file, sink);
    REQUIRE(!fed.has_value());
    CHECK(fed.error().code == ec::cancelled);
    CHECK(!u.feed("more", sink).has_value());
    CHECK_EQ(u.finish().error().message, "enough");
    CHECK_EQ(calls, 1);
  }
}
