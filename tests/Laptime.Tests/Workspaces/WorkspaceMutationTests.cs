using FsCheck;
using FsCheck.Fluent;
using Laptime.Foundations;

namespace Laptime.Tests.Workspaces;

public sealed class WorkspaceMutationTests
{
    private static readonly string[] Pieces =
        ["\n", " ", "\t", ":", ": ", "- ", "{", "}", "[", "]", "\"", "'", "#", "&a ", "*a", "!t ", "|", ">", "?", "%", "@", "`", "~", "${", "$${", "null", "010", "../", "/", "\\", "\0", "\u0085", "\ud800", "\uFEFF",
         "---\n", "...", "<<: ", "x-", "name", "99999999999999999999", "30", "-1", ",", "\\U0011FFFF", "\\x", "é", "\u2028", "\r", "  "];

    /// <summary>Whatever is done to a valid file, it loads or says where it is wrong: nothing else is ever thrown.</summary>
    [Fact]
    public void A_mutated_file_loads_or_tells_its_problems_with_their_places()
    {
        using var folder = new TemporaryWorkspace(ContractExampleTests.Files);
        var edit = from at in Gen.Choose(0, ContractExampleTests.Text.Length)
                   from remove in Gen.Frequency((3, Gen.Constant(0)), (3, Gen.Choose(1, 3)), (1, Gen.Choose(4, 80)))
                   from insert in Gen.OneOf(Gen.Constant(""), Gen.Elements(Pieces), from a in Gen.Choose(0, ContractExampleTests.Text.Length - 40) from n in Gen.Choose(1, 40) select ContractExampleTests.Text.Substring(a, n))
                   select (at, remove, insert);
        var edits = edit.NonEmptyListOf().Select(e => e.Take(6).ToArray());
        Prop.ForAll(edits.ToArbitrary(), changes =>
        {
            var text = ContractExampleTests.Text;
            foreach (var (at, remove, insert) in changes)
            {
                var start = Math.Min(at, text.Length);
                text = text[..start] + insert + text[Math.Min(text.Length, start + remove)..];
            }

            return Survives(folder, text);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1500));
    }

    [Fact]
    public void Random_text_is_refused_with_a_place()
    {
        using var folder = new TemporaryWorkspace();
        var texts = Gen.Elements(Pieces).ListOf().Select(string.Concat);
        Prop.ForAll(texts.ToArbitrary(), text => Survives(folder, text)).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));
    }

    private static bool Survives(TemporaryWorkspace folder, string text)
    {
        try
        {
            Laptime.Workspaces.WorkspaceFile.Parse(text, folder.File, static _ => null);
            return true;
        }
        catch (LapException e)
        {
            var lines = text.Split('\n', '\r', '\u0085', '\u2028', '\u2029').Length;
            foreach (var problem in e.Problems)
            {
                var place = folder.Place(problem).Split(':');
                Assert.Equal(2, place.Length);
                Assert.InRange(int.Parse(place[0]), 1, lines + 1);
                Assert.InRange(int.Parse(place[1]), 1, text.Length + 2);
                Assert.NotEmpty(problem.What);
            }

            return e.Problems.Count > 0;
        }
    }
}
