using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Laptime.Tests.Architecture;

/// <summary>C10: in a recipe's run exactly one function deploys, one removes, and they alone count.</summary>
public sealed class RecipeChokePointTests
{
    private static readonly string Source = Folder();

    [Theory]
    [InlineData(@"\.ApplyAsync\(")]
    [InlineData(@"driver\.RemoveAsync\(")]
    public void Only_the_ledger_calls_what_changes_a_deployment(string call)
    {
        var callers = Directory.EnumerateFiles(Path.Combine(Source, "Laptime", "Recipes"), "*.cs", SearchOption.AllDirectories)
            .Concat(Directory.EnumerateFiles(Path.Combine(Source, "Laptime.Cli"), "*.cs", SearchOption.AllDirectories).Where(f => !f.Contains("/obj/", StringComparison.Ordinal)))
            .Where(f => Path.GetDirectoryName(f) is not { } folder || !folder.EndsWith("Swarm", StringComparison.Ordinal))
            .SelectMany(f => File.ReadLines(f).Where(l => !l.TrimStart().StartsWith("///", StringComparison.Ordinal) && Regex.IsMatch(l, call)).Select(_ => Path.GetFileName(f))).ToList();
        Assert.Equal(["RunLedger.cs"], callers);
    }

    private static string Folder([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(here, "..", "..", "..", "..", "src"));
}
