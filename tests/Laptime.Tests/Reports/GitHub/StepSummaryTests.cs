using System.Text;
using Laptime.Reports;
using Laptime.Reports.GitHub;

namespace Laptime.Tests.Reports.GitHub;

public sealed class StepSummaryTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_report_is_appended_after_what_is_there()
    {
        var file = Path.Combine(folder.Path, "summary.md");
        File.WriteAllText(file, "# Earlier");
        Assert.Null(StepSummary.Append(file, MarkdownReport.Render(Documents.Reflected()), "r.md"));
        Assert.StartsWith("# Earlier\n# shop to local: reflected\n", File.ReadAllText(file), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_too_much_for_GitHub_is_cut_at_a_line_and_says_where_the_rest_is()
    {
        var file = Path.Combine(folder.Path, "summary.md");
        var report = "# Long\n" + string.Concat(Enumerable.Range(0, 60_000).Select(i => $"- warning {i}: ünïcödé\n"));
        Assert.Null(StepSummary.Append(file, report, ".laptime/reports/tx.md"));
        var text = File.ReadAllText(file);
        Assert.InRange(Encoding.UTF8.GetByteCount(text), StepSummary.Most - 300, StepSummary.Most);
        Assert.EndsWith("The whole report is in .laptime/reports/tx.md.*\n", text, StringComparison.Ordinal);
        Assert.All(text.Split('\n')[1..^3], l => Assert.EndsWith("ünïcödé", l, StringComparison.Ordinal));

        // And now there is no room for anything.
        Assert.Contains("no room", StepSummary.Append(file, "# Next\n\ntext\n" + new string('x', 1000), "r.md"), StringComparison.Ordinal);
        Assert.Equal(text, File.ReadAllText(file));
    }

    [Fact]
    public void A_code_block_that_is_cut_is_closed()
    {
        var page = "# x\n````text\n" + string.Concat(Enumerable.Range(0, 100).Select(i => $"``` line {i}\n")) + "````\nafter\n";
        for (var room = 150; room < Encoding.UTF8.GetByteCount(page) + 10; room += 7)
        {
            var cut = StepSummary.Cut(page, room, "r.md")!;
            Assert.True(Encoding.UTF8.GetByteCount(cut) <= room, $"{room}");
            Assert.True(cut.Split('\n').Count(l => l.TrimEnd() is "````" or "````text") % 2 == 0, cut);
        }
    }

    [Fact]
    public void A_file_that_cannot_be_written_is_a_warning() =>
        Assert.Contains("cannot be written", StepSummary.Append(Path.Combine(folder.Path, "file", "x"), "# x\n", "r.md") ?? Blocked(), StringComparison.Ordinal);

    private string Blocked()
    {
        File.WriteAllText(Path.Combine(folder.Path, "plain"), "");
        return StepSummary.Append(Path.Combine(folder.Path, "plain", "x"), "# x\n", "r.md") ?? "";
    }
}
