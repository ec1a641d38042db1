using System.Runtime.CompilerServices;

namespace Laptime.Tests;

/// <summary>
/// Compares a text with its golden file in tests/Laptime.Tests/Golden. When they differ the text stands beside it as <c>NAME.received.EXT</c>: look at it,
/// and move it over the golden file if it is what it should be.
/// </summary>
internal static class Golden
{
    public static void Equal(string name, string text, [CallerFilePath] string caller = "")
    {
        var folder = Path.Combine(Root(caller), "Golden");
        var golden = Path.Combine(folder, name);
        var received = Path.Combine(folder, Path.GetFileNameWithoutExtension(name) + ".received" + Path.GetExtension(name));
        if (File.Exists(golden) && File.ReadAllText(golden) == text)
        {
            File.Delete(received);
            return;
        }

        File.WriteAllText(received, text);
        Assert.Fail($"{name} differs from its golden file: compare it with {Path.GetFileName(received)} beside it\n{text}");
    }

    private static string Root(string caller)
    {
        var folder = Path.GetDirectoryName(caller)!;
        while (!Directory.Exists(Path.Combine(folder, "Golden")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        return folder;
    }
}
