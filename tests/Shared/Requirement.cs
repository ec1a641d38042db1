namespace Laptime.Tests.Engines;

/// <summary>What a test needs of the machine: where it is missing the test is skipped, aloud; where it was promised, the test fails.</summary>
internal static class Requirement
{
    /// <summary>Skips the running test, or fails it when <c>LAP_TEST_REQUIRE</c> (a list with commas) has <paramref name="what"/>.</summary>
    /// <param name="what">docker, swarm, registry, …</param>
    /// <param name="reason">Why it cannot run here, in words.</param>
    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    public static void Missing(string what, string reason)
    {
        var required = (Environment.GetEnvironmentVariable("LAP_TEST_REQUIRE") ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (required.Contains(what, StringComparer.Ordinal))
        {
            Assert.Fail($"LAP_TEST_REQUIRE names {what}, and it cannot run here: {reason}");
        }

        Assert.Skip($"{what} cannot run here: {reason}");
    }

    /// <summary>Path of a program, or skips the test (see <see cref="Missing"/>).</summary>
    public static string Program(string what, string name)
    {
        foreach (var folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Concat(["/usr/sbin", "/sbin"]))
        {
            if (folder.Length > 0 && File.Exists(Path.Combine(folder, name)))
            {
                return Path.Combine(folder, name);
            }
        }

        Missing(what, $"{name} is not installed");
        return name;
    }
}
