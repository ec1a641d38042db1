using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Laptime.Cli.Rendering;
using Laptime.Tests.Reports.GitHub;

namespace Laptime.Tests.Rendering;

/// <summary>Nothing that others wrote is a workflow command in a log, however it was cut into pieces; and it still reads the same.</summary>
public sealed class CommandGuardTests
{
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Theory]
    [InlineData("::set-output name=x::y\n", ": :set-output name=x::y\n")]
    [InlineData("  \t::error::x\n", "  \t: :error::x\n")]
    [InlineData("a\r::add-mask::x\n", "a\r: :add-mask::x\n")]
    [InlineData("\u200b::error::x\n", "\u200b: :error::x\n")]
    [InlineData("std::vector::size ::x::\n", "std::vector::size ::x::\n")]
    [InlineData("text ##[set-output name=x]y\n", "text ## [set-output name=x]y\n")]
    [InlineData("###[group]\n", "### [group]\n")]
    [InlineData("# [a](b) ## c\n", "# [a](b) ## c\n")]
    [InlineData(":::\n", ": ::\n")]
    [InlineData("nothing here\n", "nothing here\n")]
    public void The_two_forms_are_broken_by_a_blank(string text, string wanted) => Assert.Equal(wanted, Through(text, json: false, 1));

    [Fact]
    public void No_text_makes_a_command_however_it_is_written() => Prop.ForAll(
        (from pieces in Gen.Elements("::", ":", "#", "##", "##[", "[", "]", "error", "set-output name=x", "\n", "\r", " ", "\t", "x", "\ufeff", "\u2028").ListOf()
         from size in Gen.Choose(1, 7)
         select (Text: string.Concat(pieces), size)).ToArbitrary(),
        given =>
        {
            var guarded = Through(given.Text, json: false, given.size);
            return !ActionsRunner.FindsOne(guarded) && guarded.Replace(" ", "") == given.Text.Replace(" ", "");
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void JSON_says_the_same_and_holds_no_command() => Prop.ForAll(
        Gen.Elements("::", "##[", "#", "[", "]", "error", "\n", "\\", "\"", "ü").ListOf().Select(string.Concat).ToArbitrary(),
        text =>
        {
            var json = JsonSerializer.Serialize(new Dictionary<string, string> { ["text"] = text, ["::key##["] = "v" }, Readable);
            var guarded = Through(json, json: true, 3);
            return !ActionsRunner.FindsOne(guarded) && JsonSerializer.Deserialize<Dictionary<string, string>>(guarded)!["text"] == text;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_command_of_our_own_goes_through_on_a_line_of_its_own()
    {
        var log = new StringWriter();
        using var guard = new CommandGuard(log, json: false);
        guard.Write("half a line");
        guard.Command("::warning::one");
        guard.Command("::warning::two");
        guard.Write("::three::\n");
        Assert.Equal("half a line\n::warning::one\n::warning::two\n: :three::\n", log.ToString());
    }

    private static string Through(string text, bool json, int size)
    {
        var log = new StringWriter();
        using var guard = new CommandGuard(log, json);
        for (var i = 0; i < text.Length; i += size)
        {
            guard.Write(text.AsSpan(i, Math.Min(size, text.Length - i)));
        }

        return log.ToString();
    }
}
