using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Laptime.Processes;

namespace Laptime.Tests.Processes;

public sealed class RedactorTests
{
    /// <summary>Few letters, so that secrets overlap each other, themselves and the cuts.</summary>
    private static readonly Gen<string> Text = Gen.Elements("a", "b", "ab", "aab", "é", "\n", "z").ListOf().Select(parts => string.Concat(parts));

    [Fact]
    public void However_the_stream_is_cut_the_result_is_the_same_and_holds_no_secret() =>
        Prop.ForAll(
            Text.ListOf().Select(l => l.ToList()).ToArbitrary(), Text.Where(t => t.Length > 1).ListOf().Select(l => l.ToList()).ToArbitrary(),
            (chunks, secrets) =>
            {
                var needles = Redactor.Needles(secrets);
                byte[][] bytes = [.. needles.Select(Encoding.UTF8.GetBytes)];
                string Pass(IEnumerable<byte[]> parts)
                {
                    var redactor = new Redactor(bytes);
                    var output = new MemoryStream();
                    foreach (var part in parts)
                    {
                        redactor.Push(part, output.Write);
                    }

                    redactor.Finish(output.Write);
                    return Encoding.UTF8.GetString(output.ToArray());
                }

                var all = Encoding.UTF8.GetBytes(string.Concat(chunks));
                var cut = Pass(chunks.Select(Encoding.UTF8.GetBytes));
                var single = Pass(all.Select(b => new[] { b }));
                var left = cut.Replace(Redactor.Mark, "\u0001", StringComparison.Ordinal);
                return cut == single && cut == Pass([all]) && needles.All(n => !left.Contains(n, StringComparison.Ordinal));
            }).QuickCheckThrowOnFailure();

    [Fact]
    public void What_cannot_be_part_of_a_secret_passes_at_once()
    {
        var redactor = new Redactor(["secret"u8.ToArray()]);
        var output = new MemoryStream();
        redactor.Push("progress 10%, s"u8, output.Write);
        Assert.Equal("progress 10%, ", Encoding.UTF8.GetString(output.ToArray()));
        redactor.Push("afe"u8, output.Write);
        Assert.Equal("progress 10%, safe", Encoding.UTF8.GetString(output.ToArray()));
    }

    [Fact]
    public void A_secret_of_several_lines_is_hidden_line_by_line_too()
    {
        var needles = Redactor.Needles(["-----BEGIN KEY-----\nabcdefghijkl\nxy\n"]);
        Assert.Equal("  [redacted]", Redactor.Text("  abcdefghijkl", needles));
        Assert.Equal("xy", Redactor.Text("xy", needles));
    }

    [Theory]
    [InlineData("\u001b[1;31mred\u001b[0m", "red")]
    [InlineData("\u001b]0;title\u0007text", "text")]
    [InlineData("\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\", "link")]
    [InlineData("a\bb\tc", "ab\tc")]
    [InlineData("cut \u001b[", "cut ")]
    [InlineData("one\u009b2J\u007ftwo\u0085", "one2Jtwo")]
    public void Terminal_sequences_are_removed_from_lines(string raw, string shown) => Assert.Equal(shown, TerminalText.Strip(raw));
}
