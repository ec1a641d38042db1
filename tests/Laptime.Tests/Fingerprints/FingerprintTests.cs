using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Laptime.Fingerprints;
using Laptime.Workspaces;

namespace Laptime.Tests.Fingerprints;

public sealed class FingerprintTests
{
    private static readonly InputFile[] Files =
    [
        new("a.c", InputKind.File, Digest.Of("a"), 1, 1),
        new("b/c.sh", InputKind.Executable, Digest.Of("b"), 2, 2),
        new("é\uDCFF", InputKind.Link, Digest.Of("c"), 3, 3),
    ];

    private static FingerprintInputs Inputs() => new()
    {
        Component = "app",
        Variables = new Dictionary<string, string?> { ["FLAVOR"] = "secret-value", ["EMPTY"] = "", ["UNSET"] = null },
        Profile = "fast",
        ProfileVars = new Dictionary<string, string> { ["configuration"] = "Debug" },
        Steps = [new ResolvedStep("compile", StepKind.Compile, true, ["make all"], new Dictionary<string, string> { ["CC"] = "gcc" })],
        Outputs = ["out/**"],
        Platform = "linux-x64",
        Tools = new Dictionary<string, string> { ["compile"] = "GNU Make 4.3" },
        Uses = new Dictionary<string, Digest> { ["lib"] = Digest.Of("lib") },
        Settings = new Dictionary<string, string> { ["image.target"] = "final" },
    };

    public static TheoryData<string, PartKind, FingerprintInputs> Changes => new()
    {
        { "value of a variable", PartKind.Variable, Inputs() with { Variables = new Dictionary<string, string?> { ["FLAVOR"] = "other", ["EMPTY"] = "", ["UNSET"] = null } } },
        { "unset is not empty", PartKind.Variable, Inputs() with { Variables = new Dictionary<string, string?> { ["FLAVOR"] = "secret-value", ["EMPTY"] = null, ["UNSET"] = null } } },
        { "a variable more", PartKind.Variable, Inputs() with { Variables = new Dictionary<string, string?> { ["FLAVOR"] = "secret-value", ["EMPTY"] = "", ["UNSET"] = null, ["X"] = null } } },
        { "profile", PartKind.Profile, Inputs() with { Profile = "release" } },
        { "no profile", PartKind.Profile, Inputs() with { Profile = null } },
        { "variable of the profile", PartKind.Profile, Inputs() with { ProfileVars = new Dictionary<string, string> { ["configuration"] = "Release" } } },
        { "command", PartKind.Step, WithStep(s => s with { Command = ["make  all"] }) },
        { "words or one text", PartKind.Step, WithStep(s => s with { IsShell = false }) },
        { "border between arguments", PartKind.Step, WithStep(s => s with { Command = ["make", "all"] }) },
        { "kind of a step", PartKind.Step, WithStep(s => s with { Kind = StepKind.Package }) },
        { "name of a step", PartKind.Step, WithStep(s => s with { Name = "build" }) },
        { "environment of a step", PartKind.Step, WithStep(s => s with { Env = new Dictionary<string, string> { ["CC"] = "clang" } }) },
        { "a step more", PartKind.Step, Inputs() with { Steps = [.. Inputs().Steps, Inputs().Steps[0]] } },
        { "platform", PartKind.Platform, Inputs() with { Platform = "linux-arm64" } },
        { "tool version", PartKind.Tool, Inputs() with { Tools = new Dictionary<string, string> { ["compile"] = "GNU Make 4.4" } } },
        { "what it uses", PartKind.Uses, Inputs() with { Uses = new Dictionary<string, Digest> { ["lib"] = Digest.Of("lib2") } } },
        { "outputs", PartKind.Setting, Inputs() with { Outputs = ["dist/**"] } },
        { "setting", PartKind.Setting, Inputs() with { Settings = new Dictionary<string, string> { ["image.target"] = "debug" } } },
    };

    private static FingerprintInputs WithStep(Func<ResolvedStep, ResolvedStep> change) => Inputs() with { Steps = [change(Inputs().Steps[0])] };

    [Theory, MemberData(nameof(Changes), DisableDiscoveryEnumeration = true)]
    public void Everything_that_decides_changes_it_and_is_named(string what, PartKind kind, FingerprintInputs changed)
    {
        var before = Fingerprinter.Compute(Files, Inputs());
        var after = Fingerprinter.Compute(Files, changed);
        Assert.True(before.Value != after.Value, what);
        var diff = FingerprintDiff.Between(before, after);
        Assert.Equal([kind], diff.Kinds);
        Assert.NotEmpty(diff.Names(kind));
        Assert.True(FingerprintDiff.Between(before, Fingerprinter.Compute(Files, Inputs())).IsEmpty);
    }

    [Fact]
    public void The_order_of_files_variables_and_settings_does_not_matter()
    {
        var expected = Fingerprinter.Compute(Files, Many(new Random(0))).Value;
        for (var i = 1; i <= 100; i++)
        {
            var random = new Random(i);
            var files = Files.ToArray();
            random.Shuffle(files);
            CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
            Assert.Equal(expected, Fingerprinter.Compute(files, Many(random)).Value);
        }

        static FingerprintInputs Many(Random random)
        {
            var names = Enumerable.Range(0, 20).Select(n => "V" + n).ToArray();
            random.Shuffle(names);
            return Inputs() with
            {
                Variables = names.ToDictionary(n => n, n => (string?)n),
                ProfileVars = names.ToDictionary(n => n, n => n),
                Tools = names.ToDictionary(n => n, n => n),
                Uses = names.ToDictionary(n => n, Digest.Of),
                Outputs = names,
                Steps = [Inputs().Steps[0] with { Env = names.ToDictionary(n => n, n => n) }],
            };
        }
    }

    [Fact]
    public void The_order_of_steps_matters()
    {
        ResolvedStep a = new("a", StepKind.Other, true, ["a"], new Dictionary<string, string>()), b = a with { Name = "b", Command = ["b"] };
        Assert.NotEqual(
            Fingerprinter.Compute(Files, Inputs() with { Steps = [a, b] }).Value,
            Fingerprinter.Compute(Files, Inputs() with { Steps = [b, a] }).Value);
    }

    [Fact]
    public void No_value_of_a_variable_or_environment_is_kept()
    {
        var record = FingerprintRecord.ToBytes(Fingerprinter.Compute(Files, Inputs()));
        Assert.Equal(-1, record.AsSpan().IndexOf("secret-value"u8));
        Assert.Equal(-1, record.AsSpan().IndexOf("gcc"u8));
    }

    [Fact]
    public void The_value_never_changes_by_itself()
    {
        // Written down once: another value here means every stored fingerprint of every user is worth nothing.
        Assert.True(FirstValue == Fingerprinter.Compute(Files, Inputs()).Value.ToString(), Fingerprinter.Compute(Files, Inputs()).Value.ToString());
    }

    private const string FirstValue = "sha256:dcfb0d507e45213c78c4ce637d984007651b3796966117cc5c58c930866f1a1f";

    [Fact]
    public void Fields_cannot_flow_into_each_other()
    {
        Prop.ForAll<string[], string[]>((a, b) =>
        {
            string[] x = [.. a.Select(s => s ?? "")], y = [.. b.Select(s => s ?? "")];
            var step = Inputs().Steps[0];
            var equal = Fingerprinter.DigestOfStep(step with { Command = x }) == Fingerprinter.DigestOfStep(step with { Command = y });
            return equal == x.SequenceEqual(y);
        }).Check(Config.QuickThrowOnFailure);
    }

    [Fact]
    public void A_record_comes_back_as_it_was()
    {
        using var tree = new Tree();
        var fingerprint = Fingerprinter.Compute(Files, Inputs());
        FingerprintRecord.Save(tree.Full("record"), fingerprint);
        var back = FingerprintRecord.Load(tree.Full("record"));
        Assert.NotNull(back);
        Assert.Equal(fingerprint.Value, back.Value);
        Assert.Equal(fingerprint.Parts, back.Parts);
        Assert.Null(FingerprintRecord.Load(tree.Full("nowhere")));
    }

    [Fact]
    public void A_damaged_or_hostile_record_is_no_record()
    {
        var good = FingerprintRecord.ToBytes(Fingerprinter.Compute(Files, Inputs()));
        var random = new Random(11);
        for (var i = 0; i < 5000; i++)
        {
            var bad = good.ToArray();
            for (var n = random.Next(1, 4); n > 0; n--)
            {
                bad[random.Next(bad.Length)] ^= (byte)random.Next(1, 256);
            }

            bad = random.Next(3) == 0 ? bad[..random.Next(bad.Length)] : bad;
            Assert.True(FingerprintRecord.FromBytes(bad) is null || bad.AsSpan().SequenceEqual(good));
            var noise = new byte[random.Next(200)];
            random.NextBytes(noise);
            Assert.Null(FingerprintRecord.FromBytes([.. "LAPFPR01"u8, .. noise]));
        }
    }

    [Fact]
    public void Path_text_keeps_every_byte()
    {
        Prop.ForAll<byte[]>(bytes => bytes is null || PathText.ToBytes(PathText.FromBytes(bytes)).AsSpan().SequenceEqual(bytes))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
    }
}
