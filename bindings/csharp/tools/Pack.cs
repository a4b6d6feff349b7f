using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Text;

/// <summary>
/// Writes a NuGet package without the .NET SDK:
///   Pack OUTPUT VERSION [PATH-IN-PACKAGE=FILE]...
/// The same files give the same bytes.
/// </summary>
internal static class Pack
{
    private static readonly DateTimeOffset Epoch = new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private const string Nuspec =
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" +
        "<package xmlns=\"http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd\">\n" +
        "  <metadata>\n" +
        "    <id>LibNim</id>\n" +
        "    <version>VERSION</version>\n" +
        "    <authors>libnim maintainers</authors>\n" +
        "    <license type=\"file\">LICENSE</license>\n" +
        "    <readme>README.md</readme>\n" +
        "    <description>Instant messaging sessions: login, logout, reconnect and kick-out through libnim, " +
        "a native library with the NIM C interface.</description>\n" +
        "    <dependencies>\n" +
        "      <group targetFramework=\".NETStandard2.0\" />\n" +
        "    </dependencies>\n" +
        "  </metadata>\n" +
        "</package>\n";

    private const string Relations =
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" +
        "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">" +
        "<Relationship Type=\"http://schemas.microsoft.com/packaging/2010/07/manifest\" " +
        "Target=\"/LibNim.nuspec\" Id=\"manifest\" /></Relationships>\n";

    private static int Main(string[] args)
    {
        if (args.Length < 3)
        {
            Console.Error.WriteLine("usage: Pack OUTPUT VERSION PATH-IN-PACKAGE=FILE...");
            return 2;
        }
        var files = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        for (int i = 2; i < args.Length; i++)
        {
            int at = args[i].IndexOf('=');
            files[args[i].Substring(0, at)] = File.ReadAllBytes(args[i].Substring(at + 1));
        }
        files["LibNim.nuspec"] = Encoding.UTF8.GetBytes(Nuspec.Replace("VERSION", args[1]));
        files["_rels/.rels"] = Encoding.UTF8.GetBytes(Relations);
        files["[Content_Types].xml"] = Encoding.UTF8.GetBytes(ContentTypes(files.Keys));
        using (var zip = new ZipArchive(File.Create(args[0]), ZipArchiveMode.Create))
        {
            foreach (KeyValuePair<string, byte[]> file in files)
            {
                ZipArchiveEntry entry = zip.CreateEntry(file.Key, CompressionLevel.Optimal);
                entry.LastWriteTime = Epoch;
                using (Stream s = entry.Open()) s.Write(file.Value, 0, file.Value.Length);
            }
        }
        return 0;
    }

    private static string ContentTypes(IEnumerable<string> names)
    {
        var s = new StringBuilder(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" +
            "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">" +
            "<Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\" />");
        var extensions = new SortedSet<string>(StringComparer.Ordinal);
        foreach (string name in names)
        {
            string extension = Path.GetExtension(name).TrimStart('.');
            if (extension == "rels") continue;
            if (extension != "") extensions.Add(extension);
            else s.Append("<Override PartName=\"/" + name + "\" ContentType=\"application/octet\" />");
        }
        foreach (string extension in extensions)
            s.Append("<Default Extension=\"" + extension + "\" ContentType=\"application/octet\" />");
        return s.Append("</Types>\n").ToString();
    }
}
