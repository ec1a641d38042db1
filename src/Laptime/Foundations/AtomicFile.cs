using System.Text;

namespace Laptime.Foundations;

/// <summary>Writes a file so that a reader, or a crash at any moment, sees the old content or the new one, never a part.</summary>
public static class AtomicFile
{
    public static void Write(string path, ReadOnlySpan<byte> content, bool durable = true, UnixFileMode? mode = null)
    {
        var temporary = $"{path}.{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..8]}.tmp";
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 };
            if (mode is { } bits && !OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = bits;
            }

            using (var file = new FileStream(temporary, options))
            {
                file.Write(content);
                if (durable)
                {
                    file.Flush(flushToDisk: true);
                }
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            try
            {
                File.Delete(temporary);
            }
            catch (IOException)
            {
                // The first failure is the one to tell.
            }

            throw;
        }
    }

    public static void Write(string path, string content, bool durable = true, UnixFileMode? mode = null) =>
        Write(path, Encoding.UTF8.GetBytes(content), durable, mode);
}
