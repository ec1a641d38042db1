using Laptime.Artifacts.Provenance;
using Laptime.Foundations;

namespace Laptime.Tests.Artifacts.Provenance;

public sealed class KeyRingTests : IDisposable
{
    private readonly Signed signed = new();

    public void Dispose() => signed.Dispose();

    [Fact]
    public void The_private_half_is_the_owners_alone_and_git_ignores_it()
    {
        Assert.Equal(signed.Folder.At(".laptime", "keys", "ci.key"), signed.Pair.PrivateFile);
        Assert.Equal(signed.Folder.At("keys", "ci.pub"), signed.Pair.PublicFile);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(signed.Pair.PrivateFile));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(signed.Pair.PrivateFile)!));
        Assert.Equal("*\n", File.ReadAllText(signed.Folder.At(".laptime", ".gitignore")));
        Assert.StartsWith("-----BEGIN PRIVATE KEY-----\n", File.ReadAllText(signed.Pair.PrivateFile), StringComparison.Ordinal);
        Assert.StartsWith("-----BEGIN PUBLIC KEY-----\n", File.ReadAllText(signed.Pair.PublicFile), StringComparison.Ordinal);
        using var open = VerificationKey.Load(signed.Pair.PublicFile);
        Assert.Equal((signed.Key.Public.Hint, signed.Pair.Hint), (open.Hint, open.Hint));
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void A_pair_is_not_replaced_unless_asked_not_even_half_of_it(bool secret, bool open)
    {
        var ring = new KeyRing(signed.Workspace());
        if (!secret)
        {
            File.Delete(signed.Pair.PrivateFile);
        }

        if (!open)
        {
            File.Delete(signed.Pair.PublicFile);
        }

        var before = Files();
        var problems = Assert.Throws<LapException>(() => ring.Create("ci", null, replace: false)).Problems;
        Assert.Equal((secret ? 1 : 0) + (open ? 1 : 0), problems.Count);
        Assert.Equal(before, Files());

        var made = ring.Create("ci", null, replace: true);
        Assert.NotEqual(signed.Pair.Hint, made.Hint);
        using var key = SigningKey.FromFile(made.PrivateFile);
        Assert.Equal(made.Hint, key.Public.Hint);

        Dictionary<string, string> Files() => Directory.EnumerateFiles(signed.Folder, "*", SearchOption.AllDirectories).Order().ToDictionary(f => f, File.ReadAllText);
    }

    [Fact]
    public void The_private_half_may_lie_elsewhere()
    {
        var made = new KeyRing(signed.Workspace()).Create("prod", signed.Folder.At("vault", "deep"), replace: false);
        Assert.Equal(signed.Folder.At("vault", "deep", "prod.key"), made.PrivateFile);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(made.PrivateFile));
        Assert.False(File.Exists(signed.Folder.At(".laptime", "keys", "prod.key")));
    }

    [Fact]
    public void Nothing_is_left_when_the_public_half_cannot_be_written()
    {
        using var folder = new TemporaryFolder();
        folder.File("keys", "a file where the folder should be");
        var ring = new KeyRing(signed.Workspace() with { Root = folder });
        Assert.Contains("cannot be written", Assert.Throws<LapException>(() => ring.Create("lap", null, replace: false)).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(ring.PrivateFile("lap")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("../x")]
    [InlineData("a/b")]
    [InlineData(".hidden")]
    [InlineData("-f")]
    [InlineData("a b")]
    [InlineData("ключ")]
    public void A_name_that_is_a_path_or_worse_is_refused(string name) => Assert.Throws<LapException>(() => new KeyRing(signed.Workspace()).Create(name, null, replace: false));

    [Fact]
    public void The_list_has_every_key_that_is_here_or_that_a_rule_names()
    {
        signed.Folder.File("keys/broken.pub", "x");
        signed.Folder.File("keys/elsewhere.pub", File.ReadAllText(signed.Pair.PublicFile));
        var keys = new KeyRing(signed.Workspace(Signed.Rule, Signed.Rule with { Source = "tag" }, Signed.Rule with { Key = "trusted/none.pub" })).List();
        Assert.Equal(["keys/broken.pub", "keys/ci.pub", "keys/elsewhere.pub", "trusted/none.pub"], keys.Select(k => k.PublicFile));
        Assert.Equal((null, "x"), (keys[0].Hint, "x"));
        Assert.Contains("no PEM", keys[0].Problem!.What, StringComparison.Ordinal);
        Assert.Equal((signed.Pair.Hint, signed.Pair.PrivateFile, 2), (keys[1].Hint, keys[1].PrivateFile, keys[1].Rules.Count));
        Assert.Equal((signed.Pair.Hint, null, 0), (keys[2].Hint, keys[2].PrivateFile, keys[2].Rules.Count));
        Assert.Equal("laptime.yaml:9:5", keys[3].Problem!.Where);
    }
}
