using System.Diagnostics;

namespace Laptime.Tests.Engines;

/// <summary>The images of examples/recipes, made by the script that lies there (kept in the user's cache) and loaded into an engine once.</summary>
internal static class RecipeImages
{
    private static readonly SemaphoreSlim Turn = new(1);

    /// <param name="images">postgres:15, notes:1.0.0, kv:1.1.0, …</param>
    public static async Task LoadAsync(DockerEngine engine, params string[] images)
    {
        var start = new ProcessStartInfo("bash", [Path.Combine(Folder(), "images", "build"), .. images]) { RedirectStandardError = true, RedirectStandardOutput = true, RedirectStandardInput = true };
        start.Environment["DOCKER_HOST"] = engine.Host;
        start.Environment.Remove("DOCKER_CONTEXT");
        await Turn.WaitAsync();
        try
        {
            using var program = Process.Start(start)!;
            program.StandardInput.Close();
            var output = program.StandardOutput.ReadToEndAsync();
            var error = await program.StandardError.ReadToEndAsync();
            await program.WaitForExitAsync();
            await output;
            if (program.ExitCode != 0)
            {
                Requirement.Missing(Array.Exists(images, static i => i.StartsWith("kv", StringComparison.Ordinal)) ? "docker" : "postgres", error.Trim());
            }
        }
        finally
        {
            Turn.Release();
        }
    }

    /// <summary>examples/recipes of this clone.</summary>
    public static string Folder()
    {
        for (var at = AppContext.BaseDirectory; at is not null; at = Path.GetDirectoryName(at))
        {
            if (File.Exists(Path.Combine(at, "Laptime.slnx")))
            {
                return Path.Combine(at, "examples", "recipes");
            }
        }

        throw new InvalidOperationException("the tests do not run from a clone of the repository");
    }
}
